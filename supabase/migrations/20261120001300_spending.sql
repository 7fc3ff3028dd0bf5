-- What calls to models may cost and did cost: budgets, what is held of them, the ledger; and what was learned of models.
-- Money is in integers of nano-dollars (1 USD = 1,000,000,000), days and months in UTC.

-- A limit that is null is none: the budget is only counted. Without a limit on the total nothing commercial is spent at
-- all, and nothing of the emergency pool without one of its own.
create table public.budgets (
  id uuid primary key default gen_random_uuid(),
  kind text not null check (kind in ('total', 'vendor', 'project', 'emergency')),
  vendor text check (char_length(vendor) between 1 and 100),
  project_id uuid references public.projects (id) on delete cascade,
  day_limit_nusd bigint check (day_limit_nusd between 0 and 1000000000000000),
  month_limit_nusd bigint check (month_limit_nusd between 0 and 31000000000000000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- What it is looked up by: total, emergency, vendor:<name>, project:<id>.
  key text not null unique generated always as (
    case kind when 'vendor' then 'vendor:' || vendor when 'project' then 'project:' || project_id::text else kind end) stored,
  check ((kind = 'vendor') = (vendor is not null) and (kind = 'project') = (project_id is not null))
);
comment on table public.budgets is 'Installation-level, but for those of a project.';
create index budgets_project on public.budgets (project_id) where project_id is not null;
create trigger budgets_touch before update on public.budgets for each row execute function motif.touch_updated_at();

create table public.budget_periods (
  budget_id uuid not null references public.budgets (id) on delete cascade,
  period text not null check (period in ('day', 'month')),
  starts_on date not null,
  settled_nusd bigint not null default 0,
  reserved_nusd bigint not null default 0,
  primary key (budget_id, period, starts_on)
)
-- Its few rows are changed by every call: room beside them keeps the changes out of the index.
with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
comment on table public.budget_periods is 'Installation-level: what is settled and held of a budget in a day or month.';

create table public.budget_alerts (
  budget_id uuid not null references public.budgets (id) on delete cascade,
  period text not null check (period in ('day', 'month')),
  starts_on date not null,
  percent smallint not null check (percent in (50, 75, 90, 100)),
  limit_nusd bigint not null,
  settled_nusd bigint not null,
  created_at timestamptz not null default now(),
  primary key (budget_id, period, starts_on, percent)
);
comment on table public.budget_alerts is 'Installation-level: that a budget passed a share of its limit, once a period.';

-- What may still have to be paid. No foreign keys: money is accounted for whatever is erased meanwhile. `call` is what
-- the ledger will say should whoever holds it never come back.
create table public.reservations (
  id uuid primary key,
  project_id uuid,
  vendor text not null,
  model text not null,
  pool text not null check (pool in ('normal', 'emergency')),
  amount_nusd bigint not null check (amount_nusd >= 0),
  day date not null,
  state text not null default 'held' check (state in ('held', 'sent', 'settled', 'released')),
  call jsonb not null default '{}',
  held_at timestamptz not null default now(),
  sent_at timestamptz,
  ended_at timestamptz,
  expires_at timestamptz not null
);
comment on table public.reservations is 'Installation-level: held -> sent -> settled, or held -> released.';
create index reservations_open on public.reservations (expires_at) where state in ('held', 'sent');
create index reservations_ended on public.reservations (ended_at) where state in ('settled', 'released');

-- Every attempt to have a model do something, with its reservation's id where it had one. Outlives what it was for:
-- ids of what is erased are taken out, sums stay.
create table public.ledger (
  id uuid primary key default gen_random_uuid(),
  project_id uuid,
  source_id uuid,
  interaction_id uuid,
  task_type text not null,
  importance text not null default 'normal',
  pool text not null default 'normal',
  attempt smallint not null default 1,
  reason text not null,
  complexity real,
  band smallint,
  vendor text not null,
  model_asked text not null,
  model_answered text,
  place text not null check (place in ('local', 'commercial')),
  host text not null default '',
  input_tokens bigint not null default 0,
  cache_read_tokens bigint not null default 0,
  cache_write_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  reserved_nusd bigint not null default 0,
  cost_nusd bigint not null default 0 check (cost_nusd >= 0),
  estimated boolean not null default false,
  price_version text,
  latency_ms integer not null default 0,
  result text not null,
  bytes_out bigint not null default 0,
  redactions integer not null default 0,
  request_hash text,
  day date not null,
  created_at timestamptz not null default now()
);
comment on table public.ledger is 'Every call to a model. input_tokens are all that were read, cached ones included.';
create index ledger_day on public.ledger (day, project_id);
create index ledger_project on public.ledger (project_id, created_at desc, id desc);
create index ledger_newest on public.ledger (created_at desc, id desc);
create index ledger_interaction on public.ledger (interaction_id) where interaction_id is not null;
create index ledger_source on public.ledger (source_id) where source_id is not null;

-- What was learned: how often a model's answers to a type of task stood, by band of complexity.
create table public.model_outcomes (
  model text not null,
  task_type text not null,
  band smallint not null check (band between 0 and 9),
  successes double precision not null default 0,
  failures double precision not null default 0,
  updated_at timestamptz not null default now(),
  primary key (model, task_type, band)
);
comment on table public.model_outcomes is 'Installation-level: answers that stood and that did not.';

-- Models that are left in peace for a while, for all processes; model '' is the whole vendor.
create table public.model_cooldowns (
  vendor text not null,
  model text not null default '',
  until timestamptz not null,
  reason text not null,
  primary key (vendor, model)
);
comment on table public.model_cooldowns is 'Installation-level: whom not to ask before when, and why.';

-- How a task was decided, part by part, and whom it went to.
alter table public.tasks
  add column importance text not null default 'normal' check (importance in ('low', 'normal', 'high', 'emergency')),
  add column complexity_parts jsonb,
  add column explanation jsonb,
  add column held_back boolean not null default false,
  add column attempts smallint not null default 0,
  add column cost_nusd bigint not null default 0;
comment on column public.tasks.decision is 'vendor/model, or builtin';
comment on column public.tasks.held_back is 'a commercial model would have got it, had its source allowed that';

-- Vendors that may see what a source holds, where remote_models allows any; empty: all that are configured.
alter table public.sources
  add column remote_vendors text[] not null default '{}' check (cardinality(remote_vendors) <= 20);
grant insert (remote_vendors), update (remote_vendors) on public.sources to motif_api;
-- An admin's word that this cannot wait and may use the emergency pool.
alter table public.interactions add column emergency boolean not null default false;
alter policy add_by_service on public.interactions
  with check (project_id in (select motif.my_projects(array['admin', 'member'])) and kind <> 'commit'
              and (author_key is null or author_key not like 'user:%' or author_key = 'user:' || (select auth.uid()))
              and (not emergency or project_id in (select motif.my_projects(array['admin']))));

-- All changes to money go through here, many at once: `ops` in their order, one answer for each.
--   {"op": "reserve", "id", "project_id", "vendor", "model", "pool", "amount_nusd", "expires_s", "call"}
--       -> {"granted": true} or {"granted": false, "refused_by": {"kind", "vendor", "project_id", "period", "left_nusd"}}
--   {"op": "send", "id"}                     -> {"ok": bool}; false: it is no longer held, so nothing may be sent
--   {"op": "release", "id"}                  -> {"ok": bool}
--   {"op": "settle", "id", "cost_nusd", "estimated", "entry", "keep", "outcome"}
--       -> {"ok": true}; a second time it only replaces an estimate by what it really was
--   {"op": "record", "id", "entry", "keep", "outcome"}   -> {"ok": true}; a call that costs nothing
-- `entry`: columns of ledger. `keep`: columns of tasks, the validated answer, or null. `outcome`: {"model", "task_type",
-- "band", "success"} or null. Reservations are locked before periods, both in the order of their keys: two of these wait
-- for each other but never in a circle. Repeating any of them changes nothing.
create function motif.spend(ops jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  today date := (now() at time zone 'utc')::date;
  ids uuid[];
  -- What is touched: one budget in one period an element, read once and written once.
  keys text[]; budget_ids uuid[]; periods text[]; starts date[]; limits bigint[]; settled bigint[]; reserved bigint[];
  touched_keys text[]; touched_days date[];
  op jsonb;
  held public.reservations;
  mine integer[];
  i integer;
  why integer;
  amount bigint;
  cost bigint;
  before bigint;
  answer jsonb;
  answers jsonb := '[]';
  learned jsonb := '[]';
  alerts jsonb;
begin
  select array_agg((o ->> 'id')::uuid) into ids from jsonb_array_elements(ops) o;
  perform from public.reservations r where r.id = any (ids) order by r.id for update;

  select array_agg(distinct_ones.key), array_agg(distinct_ones.day) into touched_keys, touched_days
  from (
    select distinct a.key, t.day
    from (select o ->> 'pool' as pool, o ->> 'vendor' as vendor, o ->> 'project_id' as project, today as day
          from jsonb_array_elements(ops) o where o ->> 'op' = 'reserve'
          union all
          select r.pool, r.vendor, r.project_id::text, r.day from public.reservations r where r.id = any (ids)
          union all  -- a reservation that nobody knows, which should not be: its cost is counted all the same
          select o -> 'entry' ->> 'pool', o -> 'entry' ->> 'vendor', o -> 'entry' ->> 'project_id', today
          from jsonb_array_elements(ops) o
          where o ->> 'op' = 'settle'
            and not exists (select from public.reservations r where r.id = (o ->> 'id')::uuid)) t
    cross join lateral unnest(motif.budget_keys(t.pool, t.vendor, t.project)) as a (key)) distinct_ones;
  if touched_keys is not null then
    insert into public.budgets (kind, vendor, project_id)
    select split_part(t.key, ':', 1),
           case when t.key like 'vendor:%' then substr(t.key, 8) end,
           case when t.key like 'project:%' then substr(t.key, 9)::uuid end
    from (select distinct u.key from unnest(touched_keys) as u (key)) t
    where not exists (select from public.budgets b where b.key = t.key)
      and (t.key not like 'project:%' or exists (select from public.projects p where p.id = substr(t.key, 9)::uuid))
    order by t.key
    on conflict do nothing;
    insert into public.budget_periods (budget_id, period, starts_on)
    select distinct b.id, s.period, s.starts_on
    from unnest(touched_keys, touched_days) as t (key, day)
    join public.budgets b on b.key = t.key
    cross join lateral (values ('day', t.day), ('month', date_trunc('month', t.day::timestamp)::date)) as s (period, starts_on)
    where not exists (select from public.budget_periods p
                      where p.budget_id = b.id and p.period = s.period and p.starts_on = s.starts_on)
    order by b.id, s.period, s.starts_on
    on conflict do nothing;
    select array_agg(l.key), array_agg(l.budget_id), array_agg(l.period), array_agg(l.starts_on),
           array_agg(l.limit_nusd), array_agg(l.settled_nusd), array_agg(l.reserved_nusd)
    into keys, budget_ids, periods, starts, limits, settled, reserved
    from (select b.key, p.budget_id, p.period, p.starts_on, p.settled_nusd, p.reserved_nusd,
                 case p.period when 'day' then b.day_limit_nusd else b.month_limit_nusd end as limit_nusd
          from public.budget_periods p join public.budgets b on b.id = p.budget_id
          where (p.budget_id, p.period, p.starts_on) in (
            select b2.id, s.period, s.starts_on
            from unnest(touched_keys, touched_days) as t (key, day)
            join public.budgets b2 on b2.key = t.key
            cross join lateral (values ('day', t.day), ('month', date_trunc('month', t.day::timestamp)::date))
              as s (period, starts_on))
          order by p.budget_id, p.period, p.starts_on
          for update of p) l;
  end if;

  for op in select o.value from jsonb_array_elements(ops) with ordinality as o (value, n) order by o.n loop
    select * into held from public.reservations r where r.id = (op ->> 'id')::uuid;
    answer := '{"ok": true}';
    if op ->> 'op' = 'reserve' then
      if held.id is not null then
        answer := jsonb_build_object('granted', held.state in ('held', 'sent'));
      else
        amount := (op ->> 'amount_nusd')::bigint;
        mine := motif.positions(keys, periods, starts, motif.budget_keys(op ->> 'pool', op ->> 'vendor', op ->> 'project_id'), today);
        why := null;
        foreach i in array mine loop
          if limits[i] is null then
            -- Nobody has said that anything may be spent: neither for the day nor for the month.
            if keys[i] in ('total', 'emergency') and not exists (
                 select from generate_subscripts(keys, 1) as j (n)
                 where keys[j.n] = keys[i] and j.n = any (mine) and limits[j.n] is not null) then
              why := i;
            end if;
          elsif settled[i] + reserved[i] + amount > limits[i] then
            why := i;
          end if;
          exit when why is not null;
        end loop;
        if why is not null or mine = '{}' then
          answer := jsonb_build_object('granted', false, 'refused_by', jsonb_build_object(
            'budget', keys[why], 'period', periods[why], 'limit_nusd', limits[why],
            'left_nusd', greatest(limits[why] - settled[why] - reserved[why], 0)));
        else
          foreach i in array mine loop
            reserved[i] := reserved[i] + amount;
          end loop;
          insert into public.reservations (id, project_id, vendor, model, pool, amount_nusd, day, call, expires_at)
          values ((op ->> 'id')::uuid, (op ->> 'project_id')::uuid, op ->> 'vendor', op ->> 'model', op ->> 'pool', amount,
                  today, coalesce(op -> 'call', '{}'), now() + make_interval(secs => (op ->> 'expires_s')::double precision));
          answer := '{"granted": true}';
        end if;
      end if;
    elsif op ->> 'op' = 'send' then
      update public.reservations r set state = 'sent', sent_at = now() where r.id = held.id and r.state = 'held';
      if not found and held.state is distinct from 'sent' then
        answer := '{"ok": false}';
      end if;
    elsif op ->> 'op' = 'release' then
      if held.state = 'held' or held.state = 'sent' and coalesce((op ->> 'unsent')::boolean, false) then
        update public.reservations r set state = 'released', ended_at = now() where r.id = held.id;
        foreach i in array motif.positions(keys, periods, starts, motif.budget_keys(held.pool, held.vendor, held.project_id::text), held.day) loop
          reserved[i] := reserved[i] - held.amount_nusd;
        end loop;
      elsif held.state is distinct from 'released' then
        answer := '{"ok": false}';
      end if;
    elsif op ->> 'op' in ('settle', 'record') then
      cost := coalesce((op ->> 'cost_nusd')::bigint, 0);
      if held.state is distinct from 'settled'
         and not exists (select from public.ledger l where l.id = (op ->> 'id')::uuid) then
        learned := learned || jsonb_build_array(op -> 'outcome');
      end if;
      if op ->> 'op' = 'record' then
        perform motif.write_ledger((op ->> 'id')::uuid, op -> 'entry', 0, 0, false, today);
      elsif held.state = 'settled' then
        select l.cost_nusd into before from public.ledger l
        where l.id = held.id and l.estimated and not (op ->> 'estimated')::boolean for update;
        if found then
          foreach i in array motif.positions(keys, periods, starts, motif.budget_keys(held.pool, held.vendor, held.project_id::text), held.day) loop
            settled[i] := settled[i] + cost - before;
          end loop;
          perform motif.write_ledger(held.id, op -> 'entry', held.amount_nusd, cost, false, held.day);
        end if;
      else
        if held.id is null then
          held.day := today;
          held.pool := op -> 'entry' ->> 'pool';
          held.vendor := op -> 'entry' ->> 'vendor';
          held.project_id := op -> 'entry' ->> 'project_id';
        end if;
        foreach i in array motif.positions(keys, periods, starts, motif.budget_keys(held.pool, held.vendor, held.project_id::text), held.day) loop
          settled[i] := settled[i] + cost;
          if held.state in ('held', 'sent') then
            reserved[i] := reserved[i] - held.amount_nusd;
          end if;
        end loop;
        update public.reservations r set state = 'settled', ended_at = now() where r.id = held.id;
        perform motif.write_ledger((op ->> 'id')::uuid, op -> 'entry', coalesce(held.amount_nusd, 0), cost,
                                   (op ->> 'estimated')::boolean, held.day);
      end if;
      perform motif.keep_answer(op -> 'keep');
    else
      raise exception 'no such operation' using errcode = 'invalid_parameter_value';
    end if;
    answers := answers || jsonb_build_array(answer);
  end loop;

  if keys is not null then
    update public.budget_periods p set settled_nusd = w.settled, reserved_nusd = w.reserved
    from unnest(budget_ids, periods, starts, settled, reserved) as w (budget_id, period, starts_on, settled, reserved)
    where p.budget_id = w.budget_id and p.period = w.period and p.starts_on = w.starts_on
      and (p.settled_nusd, p.reserved_nusd) is distinct from (w.settled, w.reserved);
    with passed as (
      insert into public.budget_alerts (budget_id, period, starts_on, percent, limit_nusd, settled_nusd)
      select w.budget_id, w.period, w.starts_on, s.percent, w.limit_nusd, w.settled
      from unnest(budget_ids, periods, starts, limits, settled) as w (budget_id, period, starts_on, limit_nusd, settled)
      cross join unnest(array[50, 75, 90, 100]) as s (percent)
      where w.limit_nusd > 0 and w.settled::numeric * 100 >= w.limit_nusd::numeric * s.percent
      on conflict do nothing
      returning budget_id, period, percent, limit_nusd, settled_nusd)
    select jsonb_agg(jsonb_build_object('budget', b.key, 'period', p.period, 'percent', p.percent,
                                        'limit_nusd', p.limit_nusd, 'settled_nusd', p.settled_nusd))
    into alerts from passed p join public.budgets b on b.id = p.budget_id;
  end if;

  insert into public.model_outcomes as m (model, task_type, band, successes, failures)
  select o ->> 'model', o ->> 'task_type', (o ->> 'band')::smallint,
         count(*) filter (where (o ->> 'success')::boolean), count(*) filter (where not (o ->> 'success')::boolean)
  from jsonb_array_elements(learned) o where jsonb_typeof(o) = 'object'
  group by 1, 2, 3 order by 1, 2, 3
  on conflict (model, task_type, band) do update
    set successes = m.successes + excluded.successes, failures = m.failures + excluded.failures, updated_at = now();

  return jsonb_build_object('answers', answers, 'alerts', coalesce(alerts, '[]'));
end
$$;

-- Which budgets a call of this pool, vendor and project counts for.
create function motif.budget_keys(pool text, vendor text, project text) returns text[]
language sql immutable set search_path = '' as $$
  select case pool when 'emergency' then array['emergency']
              else array_remove(array['total', 'vendor:' || vendor, 'project:' || project], null) end
$$;

-- Where the day's and the month's entry of each wanted key stand.
create function motif.positions(keys text[], periods text[], starts date[], wanted text[], day date) returns integer[]
language sql immutable set search_path = '' as $$
  select coalesce(array_agg(k.n::integer order by k.n), '{}')
  from unnest(keys, periods, starts) with ordinality as k (key, period, starts_on, n)
  where k.key = any (wanted)
    and k.starts_on = case k.period when 'day' then day else date_trunc('month', day::timestamp)::date end
$$;

-- A row of the ledger as it is or as it is now known to be. Ids of what was erased meanwhile are not written.
create function motif.write_ledger(call uuid, entry jsonb, reserved bigint, cost bigint, is_estimated boolean, on_day date)
returns void
language plpgsql set search_path = '' as $$
begin
  insert into public.ledger (
    id, project_id, source_id, interaction_id, task_type, importance, pool, attempt, reason, complexity, band, vendor,
    model_asked, model_answered, place, host, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens,
    reserved_nusd, cost_nusd, estimated, price_version, latency_ms, result, bytes_out, redactions, request_hash, day)
  select call,
         (select p.id from public.projects p where p.id = e.project_id),
         (select s.id from public.sources s where s.id = e.source_id),
         (select i.id from public.interactions i where i.id = e.interaction_id),
         e.task_type, coalesce(e.importance, 'normal'), coalesce(e.pool, 'normal'), coalesce(e.attempt, 1), e.reason,
         e.complexity, e.band, e.vendor, e.model_asked, e.model_answered, e.place, coalesce(e.host, ''),
         coalesce(e.input_tokens, 0), coalesce(e.cache_read_tokens, 0), coalesce(e.cache_write_tokens, 0),
         coalesce(e.output_tokens, 0), reserved, cost, is_estimated, e.price_version, coalesce(e.latency_ms, 0), e.result,
         coalesce(e.bytes_out, 0), coalesce(e.redactions, 0), e.request_hash, on_day
  from jsonb_populate_record(null::public.ledger, entry) e
  on conflict (id) do update set
    model_answered = excluded.model_answered, input_tokens = excluded.input_tokens,
    cache_read_tokens = excluded.cache_read_tokens, cache_write_tokens = excluded.cache_write_tokens,
    output_tokens = excluded.output_tokens, cost_nusd = excluded.cost_nusd, estimated = excluded.estimated,
    latency_ms = excluded.latency_ms, result = excluded.result
  where public.ledger.estimated;
end
$$;

-- A validated answer, in the transaction that settles what it cost: work done again is not paid again.
create function motif.keep_answer(kept jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  insert into public.tasks (project_id, interaction_id, type, prompt_version, input_hash, complexity, complexity_parts,
                            decision, reason, importance, explanation, held_back, attempts, cost_nusd, state, answer,
                            finished_at)
  select t.project_id, t.interaction_id, t.type, t.prompt_version, t.input_hash, t.complexity, t.complexity_parts,
         t.decision, t.reason, coalesce(t.importance, 'normal'), t.explanation, coalesce(t.held_back, false),
         coalesce(t.attempts, 1), coalesce(t.cost_nusd, 0), coalesce(t.state, 'done'), t.answer, now()
  from jsonb_populate_record(null::public.tasks, kept) t
  where jsonb_typeof(kept) = 'object'
    -- Erased while it was worked on: what it was answered is of no use to anybody, what it cost is.
    and exists (select from public.interactions i
                where i.project_id = t.project_id and i.id = t.interaction_id for key share)
  on conflict (project_id, type, prompt_version, input_hash) do update set
    interaction_id = excluded.interaction_id, complexity = excluded.complexity,
    complexity_parts = excluded.complexity_parts, importance = excluded.importance,
    decision = excluded.decision, reason = excluded.reason, explanation = excluded.explanation, state = excluded.state,
    answer = excluded.answer, held_back = excluded.held_back, finished_at = now(),
    attempts = public.tasks.attempts + excluded.attempts, cost_nusd = public.tasks.cost_nusd + excluded.cost_nusd
  -- A model's answer takes the place of what the built-in extractor did while there was no model.
  where public.tasks.state <> 'done' or public.tasks.decision = 'builtin';
end
$$;

-- Reservations whose holder never came back: what was never sent is free again, what was is taken to have cost all of it
-- until somebody knows better. Those that ended a week ago go.
create function motif.expire_reservations(most integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  ops jsonb;
begin
  delete from public.reservations r where r.state in ('settled', 'released') and r.ended_at < now() - interval '7 days';
  select jsonb_agg(case r.state
           when 'held' then jsonb_build_object('op', 'release', 'id', r.id)
           else jsonb_build_object('op', 'settle', 'id', r.id, 'cost_nusd', r.amount_nusd, 'estimated', true,
                                   'entry', r.call || '{"result": "lost"}') end)
  into ops
  from (select * from public.reservations o where o.state in ('held', 'sent') and o.expires_at < now()
        order by o.id limit most for update skip locked) r;
  return case when ops is null then '{"answers": [], "alerts": []}' else motif.spend(ops) end;
end
$$;

-- The ledger outlives what it was for, without its name.
create function motif.forget_in_ledger() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  case tg_table_name
    when 'interactions' then
      update public.ledger l set interaction_id = null from gone where l.interaction_id = gone.id;
    when 'sources' then
      update public.ledger l set source_id = null from gone where l.source_id = gone.id;
    else
      update public.ledger l set project_id = null, source_id = null, interaction_id = null
      from gone where l.project_id = gone.id;
      update public.reservations r set project_id = null, call = r.call - array['project_id', 'source_id', 'interaction_id']
      from gone where r.project_id = gone.id and r.state in ('settled', 'released');
  end case;
  return null;
end
$$;
create trigger interactions_leave_ledger after delete on public.interactions
  referencing old table as gone for each statement execute function motif.forget_in_ledger();
create trigger sources_leave_ledger after delete on public.sources
  referencing old table as gone for each statement execute function motif.forget_in_ledger();
create trigger projects_leave_ledger after delete on public.projects
  referencing old table as gone for each statement execute function motif.forget_in_ledger();

-- Limits are set by people, and it is kept who set them. Budgets that only count are nobody's doing.
create trigger budgets_audit after insert on public.budgets
  for each row when (new.day_limit_nusd is not null or new.month_limit_nusd is not null)
  execute function motif.record_audit('kind', 'vendor', 'day_limit_nusd', 'month_limit_nusd');
create trigger budgets_audit_update after update of day_limit_nusd, month_limit_nusd on public.budgets
  for each row when ((old.day_limit_nusd, old.month_limit_nusd) is distinct from (new.day_limit_nusd, new.month_limit_nusd))
  execute function motif.record_audit('kind', 'vendor', 'day_limit_nusd', 'month_limit_nusd');

alter table public.budgets enable row level security;
alter table public.budget_periods enable row level security;
alter table public.budget_alerts enable row level security;
alter table public.reservations enable row level security;
alter table public.ledger enable row level security;
alter table public.model_outcomes enable row level security;
alter table public.model_cooldowns enable row level security;
revoke all on public.budgets, public.budget_periods, public.budget_alerts, public.reservations, public.ledger,
  public.model_outcomes, public.model_cooldowns from public, anon, authenticated, service_role;
grant select, insert (kind, vendor, project_id, day_limit_nusd, month_limit_nusd),
  update (day_limit_nusd, month_limit_nusd) on public.budgets to motif_api;
grant select on public.budget_periods, public.budget_alerts, public.ledger to motif_api;
grant select, insert, update, delete on public.budgets, public.budget_periods, public.budget_alerts,
  public.reservations, public.model_outcomes, public.model_cooldowns to service_role;
grant select, insert, update on public.ledger to service_role;

create policy read on public.budgets for select to motif_api
  using ((select motif.is_operator()) or project_id in (select motif.my_projects(array['admin'])));
create policy add on public.budgets for insert to motif_api
  with check (case kind when 'project' then project_id in (select motif.my_projects(array['admin']))
                        else (select motif.is_operator()) end);
create policy change on public.budgets for update to motif_api
  using (case kind when 'project' then project_id in (select motif.my_projects(array['admin']))
                   else (select motif.is_operator()) end)
  with check (case kind when 'project' then project_id in (select motif.my_projects(array['admin']))
                        else (select motif.is_operator()) end);
create policy read on public.budget_periods for select to motif_api
  using (budget_id in (select b.id from public.budgets b));
create policy read on public.budget_alerts for select to motif_api
  using (budget_id in (select b.id from public.budgets b));
-- What a project's calls cost is for those who may limit it.
create policy read on public.ledger for select to motif_api
  using ((select motif.is_operator()) or project_id in (select motif.my_projects(array['admin'])));

revoke all on function motif.spend(jsonb), motif.budget_keys(text, text, text),
  motif.positions(text[], text[], date[], text[], date), motif.write_ledger(uuid, jsonb, bigint, bigint, boolean, date),
  motif.keep_answer(jsonb), motif.expire_reservations(integer), motif.forget_in_ledger()
  from public, anon, authenticated, service_role;
grant execute on function motif.spend(jsonb), motif.budget_keys(text, text, text),
  motif.positions(text[], text[], date[], text[], date), motif.write_ledger(uuid, jsonb, bigint, bigint, boolean, date),
  motif.keep_answer(jsonb), motif.expire_reservations(integer) to service_role;

-- As before, but that the ledger stays: its rows lose the project's name by the triggers above.
create or replace function motif.erase_project(project uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  removed jsonb := '{}';
  counted bigint;
  held text;
begin
  perform motif.refuse_erasure(motif.is_service() or motif.is_operator()
    or motif.is_person() and project in (select motif.my_projects(array['admin'])));
  perform motif.lock_project(project);
  perform from public.projects p where p.id = project for update;
  if not found then
    return null;
  end if;
  perform from public.patterns p where p.project_id = project order by p.id for update;
  for held in
    select c.relname from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id' and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname not in ('audit', 'ledger', 'reservations')
    order by c.relname
  loop
    execute format('select count(*) from public.%I where project_id = $1', held) into counted using project;
    removed := removed || jsonb_build_object(held, counted);
  end loop;
  delete from jobs.procrastinate_jobs j
  where j.queue_name = 'motif' and j.status <> 'doing'
    and (j.lock = 'learn:' || project or j.args ->> 'project_id' = project::text
         or j.lock = any (select 'interaction:' || i.id from public.interactions i where i.project_id = project));
  get diagnostics counted = row_count;
  removed := removed || jsonb_build_object('jobs', counted);
  delete from public.projects p where p.id = project;
  removed := motif.add_counts(removed, '{"projects": 1}');
  perform motif.audit_erasure(project, 'project', project::text, removed);
  return jsonb_build_object('removed', removed, 'changed', '{}'::jsonb, 'rewritten', '[]'::jsonb);
end
$$;

comment on schema motif is 'version 20261120001300';
