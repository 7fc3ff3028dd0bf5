-- Patterns: what was learned, what it rests on, how it has fared.

create table public.patterns (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  name text not null check (char_length(name) between 1 and 300),
  description text not null default '',
  pattern_type text not null check (pattern_type ~ '^[a-z][a-z0-9_]{0,49}$'),
  content jsonb not null default '{}',
  scope text[] not null default '{}',
  tags text[] not null default '{}',
  confidence real not null default 0 check (confidence between 0 and 1),
  status text not null default 'proposed' check (status in ('proposed', 'active', 'deprecated', 'archived')),
  validation_status text not null default 'pending'
    check (validation_status in ('pending', 'validated', 'contradicted')),
  -- The exact key of consolidation: the same recurrence found again has the same one.
  context_hash text not null,
  execution_trace jsonb not null default '{}',
  success_criteria jsonb not null default '{}',
  quality_metrics jsonb not null default '{}',
  performance_data jsonb not null default '{}',
  superseded_by uuid,
  extraction_method text not null check (extraction_method in ('builtin', 'local_llm', 'commercial_llm', 'manual')),
  extraction_model text,
  extraction_confidence real check (extraction_confidence between 0 and 1),
  visibility text not null default 'private' check (visibility in ('public', 'private')),
  version integer not null default 1 check (version > 0),
  created_by uuid references auth.users (id) on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (project_id, id),
  unique (project_id, context_hash),
  foreign key (project_id, superseded_by) references public.patterns (project_id, id)
);
-- Only ASCII is folded: what the service takes for different names must never be the same one here.
create unique index patterns_name on public.patterns (project_id, lower(name collate "C")) where status in ('proposed', 'active');
create index patterns_superseded on public.patterns (project_id, superseded_by) where superseded_by is not null;
create index patterns_created_by on public.patterns (created_by) where created_by is not null;
create trigger patterns_touch before update on public.patterns for each row execute function motif.touch_updated_at();

-- Counters apart from the patterns, so that counting a match is no change of a pattern. Written in batches.
create table public.pattern_stats (
  project_id uuid not null references public.projects (id) on delete cascade,
  pattern_id uuid not null,
  match_count bigint not null default 0,
  usage_count bigint not null default 0,
  success_rate real check (success_rate between 0 and 1),
  last_matched_at timestamptz,
  validation_count integer not null default 0,
  contradiction_count integer not null default 0,
  created_at timestamptz not null default now(),
  primary key (project_id, pattern_id),
  foreign key (project_id, pattern_id) references public.patterns (project_id, id) on delete cascade
);

create table public.pattern_versions (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  pattern_id uuid not null,
  number integer not null check (number > 0),
  snapshot jsonb not null,
  baselines jsonb not null default '{}',
  status text not null default 'current' check (status in ('current', 'replaced')),
  created_by text not null,
  correlation_id text,
  created_at timestamptz not null default now(),
  unique (project_id, id),
  unique (project_id, pattern_id, number),
  foreign key (project_id, pattern_id) references public.patterns (project_id, id) on delete cascade
);

create table public.pattern_evidence (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  pattern_id uuid not null,
  version integer not null,
  interaction_id uuid not null,
  quote text not null check (quote <> ''),
  char_start integer not null check (char_start >= 0),
  char_end integer not null check (char_end > char_start),
  repository text,
  visibility text not null default 'private' check (visibility in ('public', 'private')),
  link text,
  created_at timestamptz not null default now(),
  unique (project_id, id),
  unique (project_id, pattern_id, interaction_id, char_start, char_end),
  foreign key (project_id, pattern_id) references public.patterns (project_id, id) on delete cascade,
  foreign key (project_id, interaction_id) references public.interactions (project_id, id) on delete cascade
);
create index pattern_evidence_interaction on public.pattern_evidence (project_id, interaction_id);

create table public.pattern_relationships (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  source_pattern_id uuid not null,
  target_pattern_id uuid not null,
  relationship_type text not null check (relationship_type in ('similar_to', 'co_occurs_with', 'precedes',
                                                               'causes_fix', 'contradicts', 'specialises')),
  strength real not null default 0 check (strength between 0 and 1),
  confidence real not null default 0 check (confidence between 0 and 1),
  evidence jsonb not null default '{}',
  validation_count integer not null default 0,
  contradiction_count integer not null default 0,
  extraction_method text not null check (extraction_method in ('builtin', 'local_llm', 'commercial_llm', 'manual')),
  extraction_model text,
  extraction_confidence real check (extraction_confidence between 0 and 1),
  created_at timestamptz not null default now(),
  unique (project_id, id),
  unique (project_id, source_pattern_id, target_pattern_id, relationship_type),
  check (source_pattern_id <> target_pattern_id),
  foreign key (project_id, source_pattern_id) references public.patterns (project_id, id) on delete cascade,
  foreign key (project_id, target_pattern_id) references public.patterns (project_id, id) on delete cascade
);
create index pattern_relationships_target on public.pattern_relationships (project_id, target_pattern_id);

create table public.pattern_validations (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  pattern_id uuid not null,
  validation_type text not null check (validation_type in ('usage', 'outcome', 'contradiction', 'consensus')),
  result boolean not null,
  evidence jsonb not null default '{}',
  validated_by text not null check (validated_by in ('system', 'user', 'llm')),
  validator_id uuid references auth.users (id) on delete set null,
  confidence real not null default 1 check (confidence between 0 and 1),
  created_at timestamptz not null default now(),
  unique (project_id, id),
  foreign key (project_id, pattern_id) references public.patterns (project_id, id) on delete cascade
);
create index pattern_validations_pattern on public.pattern_validations (project_id, pattern_id);
create index pattern_validations_validator on public.pattern_validations (validator_id) where validator_id is not null;

create table public.pattern_usage (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  pattern_id uuid not null,
  idempotency_key text not null check (char_length(idempotency_key) between 1 and 200),
  session_id text,
  context jsonb not null default '{}',
  outcome text not null check (outcome in ('successful', 'failed', 'partial', 'timeout')),
  duration_ms bigint check (duration_ms >= 0),
  quality_results jsonb not null default '{}',
  performance_score real check (performance_score between 0 and 1),
  effectiveness_score real check (effectiveness_score between 0 and 1),
  error text,
  version integer,
  user_id uuid references auth.users (id) on delete set null,
  started_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  unique (project_id, id),
  unique (project_id, idempotency_key),
  foreign key (project_id, pattern_id) references public.patterns (project_id, id) on delete cascade
);
create index pattern_usage_pattern on public.pattern_usage (project_id, pattern_id, started_at);
create index pattern_usage_user on public.pattern_usage (user_id) where user_id is not null;

-- The team's feed and the outbox. Ids only. A project's advisory lock is held to the commit, so within a project the
-- order of seq is the order of commits. No foreign key to patterns: a removal is an event too.
create table public.pattern_events (
  seq bigint generated always as identity primary key,
  id uuid not null default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  pattern_id uuid not null,
  kind text not null check (kind in ('created', 'updated', 'status_changed', 'removed')),
  version integer not null,
  created_at timestamptz not null default now(),
  unique (project_id, id)
);
create index pattern_events_feed on public.pattern_events (project_id, seq);

create function motif.lock_project(project_id uuid) returns void
language sql volatile set search_path = '' as $$
  select pg_advisory_xact_lock(hashtextextended('motif.project:' || project_id, 0))
$$;

create function motif.record_pattern_event() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  pattern public.patterns := coalesce(new, old);
begin
  -- A project that goes takes its feed along.
  if not exists (select from public.projects where id = pattern.project_id) then
    return null;
  end if;
  perform motif.lock_project(pattern.project_id);
  insert into public.pattern_events (project_id, pattern_id, kind, version)
  values (pattern.project_id, pattern.id,
          case when tg_op = 'INSERT' then 'created'
               when tg_op = 'DELETE' then 'removed'
               when old.status <> new.status then 'status_changed'
               else 'updated' end,
          pattern.version);
  return null;
end
$$;
create trigger patterns_event after insert or delete on public.patterns
  for each row execute function motif.record_pattern_event();
create trigger patterns_event_update after update on public.patterns
  for each row when (old.version <> new.version or old.status <> new.status)
  execute function motif.record_pattern_event();

-- No evidence without a quote that stands in its source, whoever writes it.
create function motif.check_quote() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if not exists (
    select from public.interactions i
    where i.project_id = new.project_id and i.id = new.interaction_id
      and substr(i.text, new.char_start + 1, new.char_end - new.char_start) = new.quote
  ) then
    raise exception 'the quote does not stand in its interaction at % to %', new.char_start, new.char_end
      using errcode = 'check_violation', constraint = 'pattern_evidence_quote';
  end if;
  return new;
end
$$;
create trigger pattern_evidence_quote before insert or update on public.pattern_evidence
  for each row execute function motif.check_quote();

-- quality_score: mean of the quality metrics that lie in [0,1], else the confidence.
create function motif.quality_score(metrics jsonb, confidence real) returns real
language sql immutable set search_path = '' as $$
  -- A number of JSON may be larger, or nearer to 0, than any float; "case" keeps strings from being read as numbers.
  select coalesce(
    (select round(avg(number), 6)::real
     from (select case when jsonb_typeof(value) = 'number' then (value #>> '{}')::numeric end as number
           from jsonb_each(metrics)) numbers
     where number between 0 and 1),
    confidence)
$$;

revoke all on function motif.lock_project(uuid), motif.record_pattern_event(), motif.check_quote(),
  motif.quality_score(jsonb, real) from public;
grant execute on function motif.lock_project(uuid), motif.quality_score(jsonb, real) to motif_api, service_role;

alter table public.patterns enable row level security;
alter table public.pattern_stats enable row level security;
alter table public.pattern_versions enable row level security;
alter table public.pattern_evidence enable row level security;
alter table public.pattern_relationships enable row level security;
alter table public.pattern_validations enable row level security;
alter table public.pattern_usage enable row level security;
alter table public.pattern_events enable row level security;

revoke all on public.patterns, public.pattern_stats, public.pattern_versions, public.pattern_evidence,
  public.pattern_relationships, public.pattern_validations, public.pattern_usage, public.pattern_events
  from public, anon, authenticated, service_role;
revoke all on sequence public.pattern_events_seq_seq from public, anon, authenticated, service_role;
grant select on public.patterns, public.pattern_stats, public.pattern_versions, public.pattern_evidence,
  public.pattern_relationships, public.pattern_validations, public.pattern_usage, public.pattern_events to authenticated;
grant insert on public.pattern_validations, public.pattern_usage to authenticated;
grant select, insert, update, delete on public.patterns, public.pattern_stats, public.pattern_versions,
  public.pattern_evidence, public.pattern_relationships, public.pattern_validations, public.pattern_usage
  to motif_api, service_role;
grant select on public.pattern_events to motif_api, service_role;

create policy read on public.patterns for select to authenticated, motif_api
  using (project_id in (select motif.my_projects()));
create policy add on public.patterns for insert to motif_api
  with check (project_id in (select motif.my_projects(array['admin', 'member'])));
create policy change on public.patterns for update to motif_api
  using (project_id in (select motif.my_projects(array['admin', 'member'])))
  with check (project_id in (select motif.my_projects(array['admin', 'member'])));
create policy remove on public.patterns for delete to motif_api
  using (project_id in (select motif.my_projects(array['admin', 'member'])));

create policy read on public.pattern_stats for select to authenticated, motif_api
  using (project_id in (select motif.my_projects()));
create policy add on public.pattern_stats for insert to motif_api
  with check (project_id in (select motif.my_projects()));
create policy change on public.pattern_stats for update to motif_api
  using (project_id in (select motif.my_projects())) with check (project_id in (select motif.my_projects()));

create policy read on public.pattern_versions for select to authenticated, motif_api
  using (project_id in (select motif.my_projects()));
create policy add on public.pattern_versions for insert to motif_api
  with check (project_id in (select motif.my_projects(array['admin', 'member'])));
create policy change on public.pattern_versions for update to motif_api
  using (project_id in (select motif.my_projects(array['admin', 'member'])))
  with check (project_id in (select motif.my_projects(array['admin', 'member'])));

create policy read on public.pattern_evidence for select to authenticated, motif_api
  using (project_id in (select motif.my_projects()));
create policy add on public.pattern_evidence for insert to motif_api
  with check (project_id in (select motif.my_projects(array['admin', 'member'])));
create policy remove on public.pattern_evidence for delete to motif_api
  using (project_id in (select motif.my_projects(array['admin', 'member'])));

create policy read on public.pattern_relationships for select to authenticated, motif_api
  using (project_id in (select motif.my_projects()));
create policy add on public.pattern_relationships for insert to motif_api
  with check (project_id in (select motif.my_projects(array['admin', 'member'])));
create policy remove on public.pattern_relationships for delete to motif_api
  using (project_id in (select motif.my_projects(array['admin', 'member'])));

create policy read on public.pattern_validations for select to authenticated, motif_api
  using (project_id in (select motif.my_projects()));
-- A team client speaks for itself only, and never as the system or a model.
create policy add on public.pattern_validations for insert to authenticated, motif_api
  with check (project_id in (select motif.my_projects(array['admin', 'member']))
              and validated_by = 'user' and validator_id = (select auth.uid()));

create policy read on public.pattern_usage for select to authenticated, motif_api
  using (project_id in (select motif.my_projects()));
create policy add on public.pattern_usage for insert to authenticated, motif_api
  with check (project_id in (select motif.my_projects(array['admin', 'member'])) and user_id = (select auth.uid()));

create policy read on public.pattern_events for select to authenticated, motif_api
  using (project_id in (select motif.my_projects()));
