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
create index budgets_project on public.budgets (project_id, kind);
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

-- Which budgets a call of this pool, vendor and project counts for.
create function motif.budget_keys(pool text, vendor text, project uuid) returns text[]
language sql immutable set search_path = '' as $$
  select case pool when 'emergency' then array['emergency']
              else array_remove(array['total', 'vendor:' || vendor, 'project:' || project::text], null) end
$$;

-- Validated answers (columns of tasks), in the transaction that settles what they cost: work done again is not paid again.
create function motif.keep_answers(kept jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  insert into public.tasks (project_id, interaction_id, type, prompt_version, input_hash, complexity, complexity_parts,
                            decision, reason, importance, explanation, held_back, attempts, cost_nusd, state, answer,
                            finished_at)
  select distinct on (t.project_id, t.type, t.prompt_version, t.input_hash)
         t.project_id, t.interaction_id, t.type, t.prompt_version, t.input_hash, t.complexity, t.complexity_parts,
         t.decision, t.reason, coalesce(t.importance, 'normal'), t.explanation, coalesce(t.held_back, false),
         coalesce(t.attempts, 1), coalesce(t.cost_nusd, 0), coalesce(t.state, 'done'), t.answer, now()
  from jsonb_array_elements(kept) with ordinality as k (value, n),
       lateral jsonb_populate_record(null::public.tasks, k.value) t
  -- Erased while it was worked on: what it was answered is of no use to anybody, what it cost is.
  where exists (select from public.interactions i
                where i.project_id = t.project_id and i.id = t.interaction_id for key share)
  order by t.project_id, t.type, t.prompt_version, t.input_hash, k.n
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

-- All changes to money go through here, many at once: `ops` in their order, one answer for each.
--   {"op": "reserve", "id", "project_id", "vendor", "model", "pool", "amount_nusd", "expires_s", "call",
--    "sending"}; `sending`: held and sent in one step
--       -> {"granted": true} or {"granted": false, "refused_by": {"budget", "period", "limit_nusd", "left_nusd"}}
--   {"op": "send", "id"}                     -> {"ok": bool}; false: it is no longer held, so nothing may be sent
--   {"op": "release", "id", "unsent"}        -> {"ok": bool}; `unsent`: also of what was marked as sent
--   {"op": "settle", "id", "cost_nusd", "estimated", "entry", "keep", "outcome"}
--       -> {"ok": true}; a second time it only replaces an estimate by what it really was
--   {"op": "record", "id", "entry", "keep", "outcome"}   -> {"ok": true}; a call that costs nothing
--   {"op": "expire", "id"}                   -> {"ok": bool, "state"}; only what is past its time
-- `entry`: columns of ledger. `keep`: columns of tasks, the validated answer, or null. `outcome`: {"model", "task_type",
-- "band", "success"} or null. Repeating any of them changes nothing. One that makes no sense raises, and nothing is done.
-- Where another transaction began with the same meanwhile, it raises serialization_failure: it is to be tried again.
-- Locks are taken in one order, and within each table in the order of its keys, so that two of these, or one of these
-- and an erasure, wait for each other but never in a circle: projects, reservations, ledger, periods. Nobody is waited
-- for at interactions and sources: who holds one whole is erasing it.
create function motif.spend(ops jsonb) returns jsonb
language plpgsql set search_path = ''
-- Few rows by their ids: a plan made while a table was small would read all of it when it has grown.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan as $$
declare
  most constant bigint := 1000000000000000;
  today constant date := (now() at time zone 'utc')::date;
  ids uuid[];
  locked uuid[];        -- reservations
  booked uuid[];        -- rows of the ledger
  counting boolean; writing boolean; expiring boolean; reserving boolean;
  alive uuid[];         -- projects that are there
  present uuid[];       -- interactions that are there
  standing uuid[];      -- sources that are there
  -- What is touched: one budget in one period an element, read once and written once.
  keys text[]; periods text[]; starts date[];
  budget_ids uuid[]; limits bigint[]; settled bigint[]; reserved bigint[]; seen bigint; wanted_rows integer;
  o record;
  pool text; vendor text; project uuid; on_day date;
  mine integer[]; wanted text[];  -- where the budgets of the operation at hand stand
  last_pool text; last_vendor text; last_project uuid; last_day date;
  i integer;
  why integer;
  unlimited boolean;
  amount bigint;
  cost bigint;
  answer jsonb;
  answers jsonb[] := '{}';
  fresh integer[] := '{}';
  to_send uuid[] := '{}'; to_release uuid[] := '{}'; to_settle uuid[] := '{}';
  ledger_ids uuid[] := '{}'; entries jsonb[] := '{}'; held_amounts bigint[] := '{}'; costs bigint[] := '{}';
  guesses boolean[] := '{}'; days date[] := '{}';
  kept jsonb[] := '{}';
  learned jsonb[] := '{}';
  alerts jsonb;
begin
  select array_agg((e.value ->> 'id')::uuid), bool_or(e.value ->> 'op' <> 'send'),
         bool_or(e.value ->> 'op' not in ('send', 'reserve')), bool_or(e.value ->> 'op' = 'expire'),
         bool_or(e.value ->> 'op' = 'reserve')
  into ids, counting, writing, expiring, reserving
  from jsonb_array_elements(ops) e;
  if ids is null then
    return '{"answers": [], "alerts": []}';
  end if;

  if counting then
    select array_agg(p.id) into alive from (
      select p.id from public.projects p
      where p.id in (
        select (e.value ->> 'project_id')::uuid from jsonb_array_elements(ops) e
        union all select (e.value -> 'entry' ->> 'project_id')::uuid from jsonb_array_elements(ops) e
        union all select (e.value -> 'keep' ->> 'project_id')::uuid from jsonb_array_elements(ops) e
        union all select r.project_id from public.reservations r where r.id = any (ids))
      order by p.id for key share) p;
    alive := coalesce(alive, '{}');
  end if;
  select array_agg(h.id) into locked from (
    select r.id from public.reservations r where r.id = any (ids) order by r.id for update) h;
  locked := coalesce(locked, '{}');
  if counting and exists (select from public.reservations r
                          where r.id = any (locked) and r.project_id is not null and r.project_id <> all (alive)) then
    raise exception 'a reservation was made meanwhile' using errcode = 'serialization_failure';
  end if;
  if writing then
    select array_agg(h.id) into booked from (
      select l.id from public.ledger l where l.id = any (ids) order by l.id for update) h;
    booked := coalesce(booked, '{}');
    select array_agg(n.id) into present from (
      select n.id from public.interactions n
      where n.id in (
        select (e.value -> 'entry' ->> 'interaction_id')::uuid from jsonb_array_elements(ops) e
        union all select (e.value -> 'keep' ->> 'interaction_id')::uuid from jsonb_array_elements(ops) e
        union all select (r.call ->> 'interaction_id')::uuid from public.reservations r where expiring and r.id = any (ids))
      for key share skip locked) n;
    select array_agg(n.id) into standing from (
      select n.id from public.sources n
      where n.id in (
        select (e.value -> 'entry' ->> 'source_id')::uuid from jsonb_array_elements(ops) e
        union all select (r.call ->> 'source_id')::uuid from public.reservations r where expiring and r.id = any (ids))
      for key share skip locked) n;
    present := coalesce(present, '{}');
    standing := coalesce(standing, '{}');
  end if;

  -- Whatever is said of one thing twice is said in turn.
  if (select count(distinct t.id) from unnest(ids) as t (id)) < cardinality(ids) then
    alerts := '[]';
    for o in select e.value as op from jsonb_array_elements(ops) with ordinality as e (value, n) order by e.n loop
      answer := motif.spend(jsonb_build_array(o.op));
      answers := answers || (answer -> 'answers' -> 0);
      alerts := alerts || (answer -> 'alerts');
    end loop;
    return jsonb_build_object('answers', to_jsonb(answers), 'alerts', alerts);
  end if;

  if counting then
    select array_agg(w.key), array_agg(w.period), array_agg(w.starts_on) into keys, periods, starts
    from (
      select distinct k.key, s.period, s.starts_on
      from (select e.value ->> 'pool' as pool, e.value ->> 'vendor' as vendor, (e.value ->> 'project_id')::uuid as project,
                   today as day
            from jsonb_array_elements(ops) e where e.value ->> 'op' = 'reserve'
            union all
            select coalesce(r.pool, l.pool, e.value -> 'entry' ->> 'pool'),
                   coalesce(r.vendor, l.vendor, e.value -> 'entry' ->> 'vendor'),
                   case when r.id is not null then r.project_id when l.id is not null then l.project_id
                        else (e.value -> 'entry' ->> 'project_id')::uuid end,
                   coalesce(r.day, l.day, today)
            from jsonb_array_elements(ops) e
            left join public.reservations r on r.id = (e.value ->> 'id')::uuid
            left join public.ledger l on l.id = (e.value ->> 'id')::uuid
            where e.value ->> 'op' in ('settle', 'expire')
               or e.value ->> 'op' = 'release' and r.id is not null) t
      cross join lateral unnest(motif.budget_keys(t.pool, t.vendor, t.project)) as k (key)
      cross join lateral (values ('day', t.day), ('month', date_trunc('month', t.day::timestamp)::date)) as s (period, starts_on)
      -- What an erased project spends is still everybody's, but no budget of its own.
      where k.key not like 'project:%' or substr(k.key, 9)::uuid = any (alive)) w;
  end if;
  if keys is not null then
    wanted_rows := cardinality(keys);
    select count(*) into seen
    from unnest(keys, periods, starts) as w (key, period, starts_on)
    join public.budgets b on b.key = w.key
    join public.budget_periods p on p.budget_id = b.id and p.period = w.period and p.starts_on = w.starts_on;
    if seen < cardinality(keys) then
      insert into public.budgets (kind, vendor, project_id)
      select split_part(t.key, ':', 1), case when t.key like 'vendor:%' then substr(t.key, 8) end,
             case when t.key like 'project:%' then substr(t.key, 9)::uuid end
      from (select distinct u.key from unnest(keys) as u (key)) t
      where not exists (select from public.budgets b where b.key = t.key)
      order by t.key
      on conflict do nothing;
      insert into public.budget_periods (budget_id, period, starts_on)
      select b.id, w.period, w.starts_on
      from unnest(keys, periods, starts) as w (key, period, starts_on)
      join public.budgets b on b.key = w.key
      where not exists (select from public.budget_periods p
                        where p.budget_id = b.id and p.period = w.period and p.starts_on = w.starts_on)
      order by b.id, w.period, w.starts_on
      on conflict do nothing;
    end if;
    select array_agg(l.key), array_agg(l.budget_id), array_agg(l.period), array_agg(l.starts_on),
           array_agg(l.limit_nusd), array_agg(l.settled_nusd), array_agg(l.reserved_nusd)
    into keys, budget_ids, periods, starts, limits, settled, reserved
    from (select b.key, p.budget_id, p.period, p.starts_on, p.settled_nusd, p.reserved_nusd,
                 case p.period when 'day' then b.day_limit_nusd else b.month_limit_nusd end as limit_nusd
          from unnest(keys, periods, starts) as w (key, period, starts_on)
          join public.budgets b on b.key = w.key
          join public.budget_periods p on p.budget_id = b.id and p.period = w.period and p.starts_on = w.starts_on
          order by p.budget_id, p.period, p.starts_on
          for update of p) l;
    if coalesce(cardinality(keys), 0) < wanted_rows then
      -- One of them was taken away meanwhile. Without it nobody would say no.
      raise exception 'a budget is gone' using errcode = 'serialization_failure';
    end if;
    if reserving then
      -- As they are by now: whoever lowered one while this waited has been told that it holds.
      select array_agg(case w.period when 'day' then b.day_limit_nusd else b.month_limit_nusd end order by w.n) into limits
      from unnest(budget_ids, periods) with ordinality as w (budget_id, period, n)
      join public.budgets b on b.id = w.budget_id;
    end if;
  end if;

  for o in
    select e.n::integer as n, e.value as op, e.value ->> 'op' as what, (e.value ->> 'id')::uuid as id,
           r.state, r.pool, r.vendor, r.model, r.project_id, r.amount_nusd, r.day, r.expires_at <= now() as late, r.call,
           l.id is not null as written, l.cost_nusd as was, l.estimated as guessed, l.result, l.pool as ledger_pool,
           l.vendor as ledger_vendor, l.project_id as ledger_project, l.day as ledger_day
    from jsonb_array_elements(ops) with ordinality as e (value, n)
    left join public.reservations r on r.id = (e.value ->> 'id')::uuid
    left join public.ledger l on l.id = (e.value ->> 'id')::uuid
    order by e.n
  loop
    -- What came to be since is not held here, so that it may not be touched: begun again, it is.
    if o.state is not null and o.id <> all (locked)
       or writing and o.written and o.what <> 'reserve' and o.id <> all (booked) then
      raise exception 'somebody began with this meanwhile' using errcode = 'serialization_failure';
    end if;
    answer := '{"ok": true}';
    if o.what in ('reserve', 'release', 'settle', 'expire') then
      if o.what = 'reserve' then
        pool := o.op ->> 'pool'; vendor := o.op ->> 'vendor'; project := (o.op ->> 'project_id')::uuid; on_day := today;
      elsif o.state is not null then
        pool := o.pool; vendor := o.vendor; project := o.project_id; on_day := o.day;
      elsif o.written then
        pool := o.ledger_pool; vendor := o.ledger_vendor; project := o.ledger_project; on_day := o.ledger_day;
      else  -- a reservation that nobody knows, which should not be: its cost is counted all the same
        pool := o.op -> 'entry' ->> 'pool'; vendor := o.op -> 'entry' ->> 'vendor';
        project := (o.op -> 'entry' ->> 'project_id')::uuid; on_day := today;
      end if;
      if mine is null or (pool, vendor, project, on_day) is distinct from (last_pool, last_vendor, last_project, last_day) then
        mine := '{}'; last_pool := pool; last_vendor := vendor; last_project := project; last_day := on_day;
        wanted := motif.budget_keys(pool, vendor, project);
        for i in 1 .. coalesce(cardinality(keys), 0) loop
          if keys[i] = any (wanted)
             and starts[i] = (case periods[i] when 'day' then on_day else date_trunc('month', on_day::timestamp)::date end) then
            mine := mine || i;
          end if;
        end loop;
      end if;
    end if;

    case o.what
      when 'reserve' then
        amount := (o.op ->> 'amount_nusd')::bigint;
        if amount is null or amount < 0 or amount > most then
          raise exception 'an amount that cannot be held' using errcode = 'invalid_parameter_value';
        end if;
        if o.state is not null then
          answer := jsonb_build_object('granted', o.state in ('held', 'sent'));
        elsif project is not null and project <> all (alive) then
          -- Nothing of what was erased goes anywhere.
          answer := jsonb_build_object('granted', false, 'refused_by', jsonb_build_object(
            'budget', 'project:' || project, 'period', 'day', 'limit_nusd', 0, 'left_nusd', 0));
        else
          why := null;
          -- Until somebody says, for the day or the month, that anything may be spent, nothing is.
          unlimited := true;
          foreach i in array mine loop
            if keys[i] in ('total', 'emergency') and limits[i] is not null then
              unlimited := false;
            end if;
          end loop;
          foreach i in array mine loop
            if unlimited and keys[i] in ('total', 'emergency') or settled[i] + reserved[i] + amount > limits[i] then
              why := i;
              exit;
            end if;
          end loop;
          if why is not null then
            answer := jsonb_build_object('granted', false, 'refused_by', jsonb_build_object(
              'budget', keys[why], 'period', periods[why], 'limit_nusd', limits[why],
              'left_nusd', coalesce(greatest(limits[why] - settled[why] - reserved[why], 0), 0)));
          else
            foreach i in array mine loop
              reserved[i] := reserved[i] + amount;
            end loop;
            fresh := fresh || (o.n - 1);
            answer := '{"granted": true}';
          end if;
        end if;

      when 'send' then
        if o.state = 'held' and not o.late then
          to_send := to_send || o.id;
        elsif o.state is distinct from 'sent' then
          answer := '{"ok": false}';
        end if;

      when 'release', 'expire' then
        if o.state = 'held' and (o.what = 'release' or o.late)
           or o.state = 'sent' and o.what = 'release' and coalesce((o.op ->> 'unsent')::boolean, false) then
          to_release := to_release || o.id;
          foreach i in array mine loop
            reserved[i] := reserved[i] - o.amount_nusd;
          end loop;
          answer := '{"ok": true, "state": "released"}';
        elsif o.what = 'expire' and o.state = 'sent' and o.late then
          to_settle := to_settle || o.id;
          foreach i in array mine loop
            reserved[i] := reserved[i] - o.amount_nusd;
            settled[i] := settled[i] + o.amount_nusd - coalesce(o.was, 0);
          end loop;
          ledger_ids := ledger_ids || o.id; entries := entries || (jsonb_build_object(
            'task_type', 'unknown', 'reason', 'unknown', 'model_asked', o.model, 'place', 'commercial') || o.call
            || jsonb_build_object('result', 'lost', 'project_id', o.project_id, 'vendor', o.vendor, 'pool', o.pool));
          held_amounts := held_amounts || o.amount_nusd; costs := costs || o.amount_nusd; guesses := guesses || true;
          days := days || on_day;
          answer := '{"ok": true, "state": "settled"}';
        elsif o.what = 'release' and o.written and o.guessed and o.result = 'lost'
              and coalesce((o.op ->> 'unsent')::boolean, false) then
          -- Taken for lost meanwhile, and now known never to have left.
          foreach i in array mine loop
            settled[i] := settled[i] - o.was;
          end loop;
          update public.ledger l set cost_nusd = 0, estimated = false, result = 'unsent' where l.id = o.id;
        elsif o.what = 'expire' or o.state is distinct from 'released' then
          answer := '{"ok": false}';
        end if;

      when 'settle' then
        cost := (o.op ->> 'cost_nusd')::bigint;
        if cost is null or cost < 0 or cost > most or (o.op ->> 'estimated')::boolean is null then
          raise exception 'a cost that cannot be' using errcode = 'invalid_parameter_value';
        end if;
        if not o.written or o.state in ('held', 'sent') or o.guessed and not (o.op ->> 'estimated')::boolean then
          foreach i in array mine loop
            settled[i] := settled[i] + cost - coalesce(o.was, 0);
            if o.state in ('held', 'sent') then
              reserved[i] := reserved[i] - o.amount_nusd;
            end if;
          end loop;
          if o.state is not null then
            to_settle := to_settle || o.id;
          end if;
          ledger_ids := ledger_ids || o.id; entries := entries || (o.op -> 'entry');
          held_amounts := held_amounts || coalesce(o.amount_nusd, 0); costs := costs || cost;
          guesses := guesses || (o.op ->> 'estimated')::boolean; days := days || on_day;
        end if;
        if not o.written or o.result = 'lost' and o.guessed then
          kept := kept || (o.op -> 'keep');
          learned := learned || (o.op -> 'outcome');
        end if;

      when 'record' then
        if not o.written then
          ledger_ids := ledger_ids || o.id; entries := entries || (o.op -> 'entry'); held_amounts := held_amounts || 0::bigint;
          costs := costs || 0::bigint; guesses := guesses || false; days := days || today;
          kept := kept || (o.op -> 'keep');
          learned := learned || (o.op -> 'outcome');
        end if;

      else
        raise exception 'no such operation' using errcode = 'invalid_parameter_value';
    end case;
    answers := answers || answer;
  end loop;

  if cardinality(fresh) > 0 then
    insert into public.reservations (
      id, project_id, vendor, model, pool, amount_nusd, day, call, expires_at, state, sent_at)
    select (f.op ->> 'id')::uuid, (f.op ->> 'project_id')::uuid, f.op ->> 'vendor', f.op ->> 'model', f.op ->> 'pool',
           (f.op ->> 'amount_nusd')::bigint, today, coalesce(nullif(f.op -> 'call', 'null'), '{}'),
           now() + make_interval(secs => least((f.op ->> 'expires_s')::double precision, 86400)),
           case when (f.op ->> 'sending')::boolean then 'sent' else 'held' end,
           case when (f.op ->> 'sending')::boolean then now() end
    from (select ops -> u.n as op from unnest(fresh) as u (n)) f;
  end if;
  if cardinality(to_send) > 0 then
    update public.reservations r set state = 'sent', sent_at = now() where r.id = any (to_send);
  end if;
  if cardinality(to_release) > 0 then
    update public.reservations r set state = 'released', ended_at = now(), call = '{}' where r.id = any (to_release);
  end if;
  if cardinality(to_settle) > 0 then
    update public.reservations r set state = 'settled', ended_at = now(), call = '{}' where r.id = any (to_settle);
  end if;
  if cardinality(ledger_ids) > 0 then
    -- As it is, or as it is now known to be. Ids of what was erased meanwhile are not written.
    insert into public.ledger (
      id, project_id, source_id, interaction_id, task_type, importance, pool, attempt, reason, complexity, band, vendor,
      model_asked, model_answered, place, host, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens,
      reserved_nusd, cost_nusd, estimated, price_version, latency_ms, result, bytes_out, redactions, request_hash, day)
    select w.id, case when e.project_id = any (alive) then e.project_id end,
           case when e.source_id = any (standing) or e.interaction_id = any (present) then e.source_id end,
           case when e.interaction_id = any (present) then e.interaction_id end,
           e.task_type, coalesce(e.importance, 'normal'), coalesce(e.pool, 'normal'), coalesce(e.attempt, 1), e.reason,
           e.complexity, e.band, e.vendor, e.model_asked, e.model_answered, e.place, coalesce(e.host, ''),
           coalesce(e.input_tokens, 0), coalesce(e.cache_read_tokens, 0), coalesce(e.cache_write_tokens, 0),
           coalesce(e.output_tokens, 0), w.held, w.cost, w.guess, e.price_version, coalesce(e.latency_ms, 0), e.result,
           coalesce(e.bytes_out, 0), coalesce(e.redactions, 0), e.request_hash, w.day
    from unnest(ledger_ids, entries, held_amounts, costs, guesses, days) as w (id, entry, held, cost, guess, day)
    cross join lateral jsonb_populate_record(null::public.ledger, w.entry) e
    on conflict (id) do update set
      model_answered = excluded.model_answered, input_tokens = excluded.input_tokens,
      cache_read_tokens = excluded.cache_read_tokens, cache_write_tokens = excluded.cache_write_tokens,
      output_tokens = excluded.output_tokens, cost_nusd = excluded.cost_nusd, estimated = excluded.estimated,
      latency_ms = excluded.latency_ms, result = excluded.result;
  end if;
  -- Nobody waits for an erasure here.
  kept := array(select k from unnest(kept) as k
                where jsonb_typeof(k) = 'object' and (k ->> 'interaction_id')::uuid = any (present));
  if cardinality(kept) > 0 then
    perform motif.keep_answers(to_jsonb(kept));
  end if;

  if keys is not null then
    update public.budget_periods p set settled_nusd = w.settled, reserved_nusd = w.reserved
    from unnest(budget_ids, periods, starts, settled, reserved) as w (budget_id, period, starts_on, settled, reserved)
    where p.budget_id = w.budget_id and p.period = w.period and p.starts_on = w.starts_on
      and (p.settled_nusd, p.reserved_nusd) is distinct from (w.settled, w.reserved);
    why := null;
    for i in 1 .. cardinality(keys) loop
      if limits[i] > 0 and settled[i]::numeric * 2 >= limits[i] then
        why := i;
      end if;
    end loop;
    if why is not null then
      with passed as (
        select w.*, s.percent
        from unnest(keys, budget_ids, periods, starts, limits, settled) as w (key, budget_id, period, starts_on, limit_nusd, settled)
        cross join unnest(array[50, 75, 90, 100]) as s (percent)
        where w.limit_nusd > 0 and w.settled::numeric * 100 >= w.limit_nusd::numeric * s.percent
          and not exists (select from public.budget_alerts a
                          where a.budget_id = w.budget_id and a.period = w.period and a.starts_on = w.starts_on
                            and a.percent = s.percent and a.limit_nusd = w.limit_nusd)
      ), told as (
        -- Another limit is another share: it is told anew.
        insert into public.budget_alerts as a (budget_id, period, starts_on, percent, limit_nusd, settled_nusd)
        select p.budget_id, p.period, p.starts_on, p.percent, p.limit_nusd, p.settled from passed p
        on conflict (budget_id, period, starts_on, percent) do update
          set limit_nusd = excluded.limit_nusd, settled_nusd = excluded.settled_nusd, created_at = now())
      select jsonb_agg(jsonb_build_object('budget', p.key, 'period', p.period, 'percent', p.percent,
                                          'limit_nusd', p.limit_nusd, 'settled_nusd', p.settled)
                       order by p.key, p.period, p.percent)
      into alerts from passed p;
    end if;
  end if;

  if exists (select from unnest(learned) as l where jsonb_typeof(l) = 'object') then
    insert into public.model_outcomes as m (model, task_type, band, successes, failures)
    select l ->> 'model', l ->> 'task_type', (l ->> 'band')::smallint,
           count(*) filter (where (l ->> 'success')::boolean), count(*) filter (where not (l ->> 'success')::boolean)
    from unnest(learned) as l where jsonb_typeof(l) = 'object'
    group by 1, 2, 3 order by 1, 2, 3
    -- What was counted before fades by half in two weeks, as it does where it is read (routing/outcome.py).
    on conflict (model, task_type, band) do update set
      successes = excluded.successes
        + m.successes * power(0.5, greatest(extract(epoch from now() - m.updated_at), 0)::double precision / 1209600),
      failures = excluded.failures
        + m.failures * power(0.5, greatest(extract(epoch from now() - m.updated_at), 0)::double precision / 1209600),
      updated_at = now();
  end if;

  return jsonb_build_object('answers', to_jsonb(answers), 'alerts', coalesce(alerts, '[]'));
end
$$;

-- Reservations whose holder never came back, the oldest first: what was never sent is free again, what was is taken to
-- have cost all of it until somebody knows better. Those that ended a week ago go, and so do cooldowns that are over.
create function motif.expire_reservations(most integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  done jsonb;
begin
  delete from public.reservations r where r.id in (
    select o.id from public.reservations o
    where o.state in ('settled', 'released') and o.ended_at < now() - interval '7 days'
    limit most for update skip locked);
  delete from public.model_cooldowns c where (c.vendor, c.model) in (
    select o.vendor, o.model from public.model_cooldowns o where o.until < now() limit most for update skip locked);
  -- Not held here: spend locks them in its order, and looks again.
  select motif.spend(jsonb_agg(jsonb_build_object('op', 'expire', 'id', r.id))) into done
  from (select o.id from public.reservations o where o.state in ('held', 'sent') and o.expires_at < now()
        order by o.expires_at, o.id limit most) r
  having count(*) > 0;
  return jsonb_build_object(
    'released', (select count(*) from jsonb_array_elements(done -> 'answers') a where a ->> 'state' = 'released'),
    'settled', (select count(*) from jsonb_array_elements(done -> 'answers') a where a ->> 'state' = 'settled'),
    'alerts', coalesce(done -> 'alerts', '[]'));
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
      -- What was held for it and not sent yet may not be sent any more.
      update public.reservations r
      set project_id = null, call = r.call - array['project_id', 'source_id', 'interaction_id'],
          expires_at = case r.state when 'held' then now() else r.expires_at end
      from gone where r.project_id = gone.id;
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
grant select, insert, update, delete on public.reservations, public.model_outcomes, public.model_cooldowns
  to service_role;
-- What was counted is never taken away by hand: what is still held would be let go of twice.
grant select, insert, update on public.budgets, public.budget_periods, public.budget_alerts, public.ledger
  to service_role;

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

revoke all on function motif.spend(jsonb), motif.budget_keys(text, text, uuid), motif.keep_answers(jsonb),
  motif.expire_reservations(integer), motif.forget_in_ledger()
  from public, anon, authenticated, service_role;
grant execute on function motif.spend(jsonb), motif.budget_keys(text, text, uuid), motif.keep_answers(jsonb),
  motif.expire_reservations(integer) to service_role;

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
