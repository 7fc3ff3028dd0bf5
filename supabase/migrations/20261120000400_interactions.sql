-- What came in, the tasks it was split into, and the jobs that see to it.

create table public.interactions (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  source_id uuid not null,
  kind text not null check (kind in ('pull_request', 'issue', 'commit', 'conversation', 'document')),
  external_key text not null check (char_length(external_key) between 1 and 500),
  revision text not null default '1' check (char_length(revision) between 1 and 100),
  author_key text check (char_length(author_key) <= 500),
  -- Within what clients can represent, in any time zone: one row that cannot be read would hide a whole history.
  occurred_at timestamptz not null check (occurred_at between '0002-01-01 00:00+00' and '9998-12-31 00:00+00'),
  -- Offsets of evidence count its code points.
  text text not null check (char_length(text) <= 5000000),
  -- What the service takes in is redacted before it gets here; what a team client hands in, before anything reads it.
  redacted boolean not null default false,
  metadata jsonb not null default '{}' check (octet_length(metadata::text) <= 4000000),
  priority text not null default 'interactive' check (priority in ('webhook', 'interactive', 'backfill')),
  state text not null default 'received' check (state in ('received', 'processing', 'done', 'failed', 'ignored')),
  attempts integer not null default 0,
  error text,
  processed_at timestamptz,
  created_at timestamptz not null default now(),
  unique (project_id, id),
  unique (project_id, source_id, external_key, revision),
  foreign key (project_id, source_id) references public.sources (project_id, id) on delete cascade
);
-- Counted at every insert, to place a project's next job; commits share one job and are left out.
create index interactions_open on public.interactions (project_id, priority)
  where state in ('received', 'processing') and kind <> 'commit';
-- Read by the sweeper, oldest first.
create index interactions_unfinished on public.interactions (created_at) where state in ('received', 'processing');
create index interactions_history on public.interactions (project_id, kind, occurred_at);

create table public.tasks (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  interaction_id uuid not null,
  type text not null check (type in ('content_analysis', 'pattern_extraction', 'relationship_mapping',
                                     'strategic_analysis', 'complex_reasoning', 'decision_making')),
  prompt_version text not null,
  input_hash text not null,
  complexity real check (complexity between 0 and 1),
  decision text not null,
  reason text not null,
  state text not null check (state in ('planned', 'done', 'failed')),
  answer jsonb,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  unique (project_id, id),
  -- A validated answer is kept here, so that work done again is not paid again.
  unique (project_id, type, prompt_version, input_hash),
  foreign key (project_id, interaction_id) references public.interactions (project_id, id) on delete cascade
);
create index tasks_interaction on public.tasks (project_id, interaction_id);

-- The vector of an interaction's own text: what makes mining incremental.
create table public.embedding_models (
  id smallint primary key,
  name text not null unique,
  dimension integer check (dimension between 1 and 4000),
  active boolean not null default false,
  created_at timestamptz not null default now()
);
create unique index embedding_models_one_active on public.embedding_models (active) where active;
comment on table public.embedding_models is 'Installation-level. Id 0 stands for words without vectors.';
insert into public.embedding_models (id, name, dimension) values (0, 'none', null);

create table public.interaction_embeddings (
  model_id smallint not null references public.embedding_models (id),
  project_id uuid not null references public.projects (id) on delete cascade,
  interaction_id uuid not null,
  embedding extensions.halfvec not null,
  created_at timestamptz not null default now(),
  primary key (model_id, project_id, interaction_id),
  foreign key (project_id, interaction_id) references public.interactions (project_id, id) on delete cascade
);
create index interaction_embeddings_interaction on public.interaction_embeddings (project_id, interaction_id);
alter table public.interaction_embeddings alter column embedding set storage plain;

-- Jobs. A higher number goes first: the class counts in thousands, and inside a class the n-th open interaction of a
-- project gives way by n, so that one project's flood lets another project's first job pass.
create function motif.job_priority(priority text, open_before bigint) returns integer
language sql immutable set search_path = '' as $$
  select case priority when 'webhook' then 3000 when 'interactive' then 2000 else 1000 end
         - greatest(least(open_before, 999), 0)::integer
$$;

-- A job's lock says whom it speaks for, and only one job of a lock runs at a time. Recurrence is looked for over a whole
-- history, so the commits of a project share one ('learn:<project>'); all else has its own ('interaction:<id>').
create index motif_jobs_lock on jobs.procrastinate_jobs (lock) where status in ('todo', 'doing', 'failed');

-- A queueing lock keeps a second job of the kind from waiting. Kept while the job runs, it would refuse the job's retry
-- as soon as its successor waits, and the job would hang as "doing", its lock with it, for as long as its worker lives.
create function motif.release_queueing_lock() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.queueing_lock := null;
  return new;
end
$$;
create trigger motif_release_queueing_lock before update of status on jobs.procrastinate_jobs
  for each row when (old.status = 'todo' and new.status <> 'todo' and new.queueing_lock is not null)
  execute function motif.release_queueing_lock();

-- Sees to it that a project's history will be learned from after this transaction is committed.
create function motif.defer_learning(project uuid, urgency integer, not_before timestamptz) returns void
language plpgsql security definer set search_path = '' as $$
declare
  waiting record;
  key text := 'learn:' || project;
begin
  -- Twice, because a job that somebody else is about to commit shows itself only by the violation.
  for attempt in 1..2 loop
    -- Before the row is shared: two who share it and both want to change it would wait for each other.
    update jobs.procrastinate_jobs j set priority = urgency
    where j.queueing_lock = key and j.status = 'todo' and j.priority < urgency;
    -- No worker takes a job whose row is held: this one cannot start before it would see our rows.
    select j.id into waiting from jobs.procrastinate_jobs j
    where j.queueing_lock = key and j.status = 'todo' for share;
    if found then
      -- Workers that passed it over meanwhile would come back only with their next poll.
      perform pg_notify('procrastinate_queue_v1#motif',
                        jsonb_build_object('type', 'job_inserted', 'job_id', waiting.id)::text);
      return;
    end if;
    begin
      perform jobs.procrastinate_defer_jobs_v1(array[
        row('motif', 'learn_history', urgency, key, key, jsonb_build_object('project_id', project), not_before)
        ::jobs.procrastinate_job_to_defer_v1]);
      return;
    exception when unique_violation then
      null;
    end;
  end loop;
end
$$;

-- Gives their jobs to those of these interactions that wait. For those that have none yet: new ones, stranded ones.
create function motif.defer_interactions(ids uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
declare
  batch jobs.procrastinate_job_to_defer_v1[];
  p record;
begin
  with waiting as materialized (
    select n.id, n.project_id, n.priority, n.created_at, n.occurred_at
    from unnest(ids) as given (id) join public.interactions n on n.id = given.id
    where n.kind <> 'commit' and n.state = 'received'
  ), placed as (
    select w.*, row_number() over (partition by w.project_id, w.priority order by w.created_at, w.occurred_at, w.id) - 1
                as place
    from waiting w
  ), before as materialized (
    -- What is open besides these. Places are told apart up to 999, so no more than that need be counted.
    select g.project_id, g.priority,
           (select count(*) from (
              select from public.interactions o
              where o.project_id = g.project_id and o.priority = g.priority and o.kind <> 'commit'
                and o.state in ('received', 'processing') limit 999 + g.size) as counted) - g.size as open
    from (select w.project_id, w.priority, count(*) as size from waiting w group by w.project_id, w.priority) g
  )
  select array_agg(row('motif', 'process_interaction', motif.job_priority(n.priority, b.open + n.place),
                       'interaction:' || n.id, null, jsonb_build_object('interaction_id', n.id), null)
                   ::jobs.procrastinate_job_to_defer_v1
                   order by n.created_at, n.occurred_at, n.id) into batch
  from placed n join before b on b.project_id = n.project_id and b.priority = n.priority;
  if batch is not null then
    perform jobs.procrastinate_defer_jobs_v1(batch);
  end if;

  for p in
    select n.project_id, max(motif.job_priority(n.priority, 0)) as urgency
    from unnest(ids) as given (id) join public.interactions n on n.id = given.id
    where n.kind = 'commit' and n.state = 'received'
    group by n.project_id order by n.project_id
  loop
    perform motif.defer_learning(p.project_id, p.urgency, null);
  end loop;
end
$$;

create function motif.defer_inserted_interactions() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform motif.defer_interactions((select array_agg(id) from inserted where state = 'received'));
  return null;
end
$$;
create trigger interactions_defer after insert on public.interactions
  referencing new table as inserted
  for each statement execute function motif.defer_inserted_interactions();

-- The sweeper's part: interactions that wait although no job speaks for them, not even a failed one. Returns how many
-- were given one.
create function motif.defer_stranded(older_than interval) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  stranded uuid[];
begin
  if not pg_try_advisory_xact_lock(hashtextextended('motif.defer_stranded', 0)) then
    return 0;  -- somebody else is at it
  end if;
  select array_agg(i.id) into stranded
  from public.interactions i
  where i.state in ('received', 'processing') and i.created_at < now() - older_than
    and not exists (select from jobs.procrastinate_jobs j
                    where j.status in ('todo', 'doing', 'failed')
                      and j.lock = case i.kind when 'commit' then 'learn:' || i.project_id
                                               else 'interaction:' || i.id end);
  update public.interactions i set state = 'received'
  from unnest(stranded) as given (id) where i.id = given.id and i.state = 'processing';
  perform motif.defer_interactions(stranded);
  return coalesce(cardinality(stranded), 0);
end
$$;

revoke all on function motif.defer_interactions(uuid[]), motif.defer_stranded(interval), motif.job_priority(text, bigint),
  motif.defer_learning(uuid, integer, timestamptz), motif.release_queueing_lock(),
  motif.defer_inserted_interactions(), motif.touch_updated_at(), motif.refuse_change() from public;
grant execute on function motif.defer_learning(uuid, integer, timestamptz), motif.defer_stranded(interval) to service_role;

alter table public.interactions enable row level security;
alter table public.tasks enable row level security;
alter table public.embedding_models enable row level security;
alter table public.interaction_embeddings enable row level security;

revoke all on public.interactions, public.tasks, public.embedding_models, public.interaction_embeddings
  from public, anon, authenticated, service_role;
grant select on public.interactions to authenticated;
grant insert (project_id, source_id, kind, external_key, revision, author_key, occurred_at, text, metadata)
  on public.interactions to authenticated;
grant select on public.tasks, public.embedding_models to authenticated;
grant select, insert, update, delete on public.interactions to motif_api, service_role;
grant select on public.tasks, public.embedding_models, public.interaction_embeddings to motif_api;
grant select, insert, update, delete on public.tasks, public.embedding_models, public.interaction_embeddings to service_role;

create policy read on public.interactions for select to authenticated, motif_api
  using (project_id in (select motif.my_projects()));
-- What a team client hands in waits like anything else: it cannot mark its own rows done, nor jump the queue. Commits
-- only the service brings, since they are believed as evidence of a repository.
create policy add on public.interactions for insert to authenticated
  with check (project_id in (select motif.my_projects(array['admin', 'member']))
              and state = 'received' and priority = 'interactive' and attempts = 0 and not redacted
              and kind <> 'commit');
create policy add_by_service on public.interactions for insert to motif_api
  with check (project_id in (select motif.my_projects(array['admin', 'member'])));
create policy change on public.interactions for update to motif_api
  using (project_id in (select motif.my_projects(array['admin', 'member'])))
  with check (project_id in (select motif.my_projects(array['admin', 'member'])));
create policy remove on public.interactions for delete to motif_api
  using (project_id in (select motif.my_projects(array['admin'])));

create policy read on public.tasks for select to authenticated, motif_api
  using (project_id in (select motif.my_projects()));
create policy read on public.embedding_models for select to authenticated, motif_api using (true);
create policy read on public.interaction_embeddings for select to motif_api
  using (project_id in (select motif.my_projects()));

-- Evidence points into the text by offset: a revision never changes, a new text is a new revision.
create trigger interactions_immutable before update of text, external_key, revision, source_id on public.interactions
  for each row when ((old.external_key, old.revision, old.source_id)
                     is distinct from (new.external_key, new.revision, new.source_id)
                     or old.redacted and old.text is distinct from new.text)
  execute function motif.refuse_change();
