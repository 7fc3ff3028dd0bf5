-- The narrow tables that a match reads: one vector row and a list of terms for each pattern.

-- key (model_id, project_id, pattern_id): one project's rows lie together, and each model has a partition of its own.
create table public.pattern_embeddings (
  model_id smallint not null references public.embedding_models (id),
  project_id uuid not null references public.projects (id) on delete cascade,
  pattern_id uuid not null,
  -- Null where no model was at hand: found by words alone.
  embedding extensions.halfvec,
  pattern_type text not null,
  status text not null,
  tags text[] not null,
  quality real not null,
  success real,
  length_name smallint not null,
  length_body integer not null,
  created_at timestamptz not null default now(),
  primary key (model_id, project_id, pattern_id),
  foreign key (project_id, pattern_id) references public.patterns (project_id, id) on delete cascade
) partition by list (model_id);
alter table public.pattern_embeddings alter column embedding set storage plain;
create index pattern_embeddings_pattern on public.pattern_embeddings (project_id, pattern_id);
create table motif.pattern_embeddings_0 partition of public.pattern_embeddings for values in (0);
alter table motif.pattern_embeddings_0 enable row level security;

-- An inverted index as plain rows. GIN is not used under row-level security (its operators are not leakproof);
-- equality of text is. See docs/decisions/0004-ranking.md.
create table public.pattern_terms (
  project_id uuid not null references public.projects (id) on delete cascade,
  term text not null,
  pattern_id uuid not null,
  in_name smallint not null,
  in_body smallint not null,
  primary key (project_id, term, pattern_id),
  foreign key (project_id, pattern_id) references public.patterns (project_id, id) on delete cascade
);
create index pattern_terms_pattern on public.pattern_terms (project_id, pattern_id);

-- What filters a match stands beside its vector and follows the pattern in the same transaction.
create function motif.follow_pattern() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.pattern_embeddings e
  set pattern_type = new.pattern_type, status = new.status, tags = new.tags,
      quality = motif.quality_score(new.quality_metrics, new.confidence)
  where e.project_id = new.project_id and e.pattern_id = new.id;
  return null;
end
$$;
create trigger patterns_follow after update on public.patterns
  for each row when ((old.pattern_type, old.status, old.tags, old.quality_metrics, old.confidence)
                     is distinct from (new.pattern_type, new.status, new.tags, new.quality_metrics, new.confidence))
  execute function motif.follow_pattern();

create function motif.follow_stats() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.pattern_embeddings e set success = new.success_rate
  where e.project_id = new.project_id and e.pattern_id = new.pattern_id;
  return null;
end
$$;
create trigger pattern_stats_follow after update of success_rate on public.pattern_stats
  for each row when (old.success_rate is distinct from new.success_rate)
  execute function motif.follow_stats();

-- Registers a model and makes its partition; returns its id. The first one becomes the active one.
create function motif.register_embedding_model(model_name text, model_dimension integer) returns smallint
language plpgsql security definer set search_path = '' as $$
declare
  model public.embedding_models;
begin
  perform pg_advisory_xact_lock(hashtextextended('motif.embedding_models', 0));
  select * into model from public.embedding_models where name = model_name;
  if not found then
    insert into public.embedding_models (id, name, dimension)
    values ((select max(id) + 1 from public.embedding_models), model_name, model_dimension)
    returning * into model;
    execute format('create table motif.pattern_embeddings_%1$s partition of public.pattern_embeddings
                    (constraint pattern_embeddings_%1$s_dimension
                     check (embedding is null or extensions.vector_dims(embedding) = %2$s))
                    for values in (%1$s)', model.id, model_dimension);
    execute format('alter table motif.pattern_embeddings_%s enable row level security', model.id);
  end if;
  if not exists (select from public.embedding_models where active) then
    update public.embedding_models set active = true where id = model.id;
  end if;
  return model.id;
end
$$;

-- After a bulk write the planner knows nothing of it until autovacuum comes by, and guesses a match into a hundred times
-- the work. Only the tables' owner may analyze them.
create function motif.refresh_statistics() returns void
language plpgsql security definer set search_path = '' as $$
begin
  analyze public.pattern_embeddings, public.pattern_terms, public.pattern_stats, public.pattern_evidence,
    public.interactions;
end
$$;

revoke all on function motif.refresh_statistics(), motif.follow_pattern(), motif.follow_stats(), motif.register_embedding_model(text, integer) from public;
grant execute on function motif.register_embedding_model(text, integer), motif.refresh_statistics() to service_role;

alter table public.pattern_embeddings enable row level security;
alter table public.pattern_terms enable row level security;

revoke all on public.pattern_embeddings, public.pattern_terms from public, anon, authenticated, service_role;
grant select on public.pattern_embeddings, public.pattern_terms to authenticated;
grant select, insert, update, delete on public.pattern_embeddings, public.pattern_terms to motif_api, service_role;

create policy read on public.pattern_embeddings for select to authenticated, motif_api
  using (project_id in (select motif.my_projects()));
create policy add on public.pattern_embeddings for insert to motif_api
  with check (project_id in (select motif.my_projects(array['admin', 'member'])));
create policy change on public.pattern_embeddings for update to motif_api
  using (project_id in (select motif.my_projects(array['admin', 'member'])))
  with check (project_id in (select motif.my_projects(array['admin', 'member'])));
create policy remove on public.pattern_embeddings for delete to motif_api
  using (project_id in (select motif.my_projects(array['admin', 'member'])));

create policy read on public.pattern_terms for select to authenticated, motif_api
  using (project_id in (select motif.my_projects()));
create policy add on public.pattern_terms for insert to motif_api
  with check (project_id in (select motif.my_projects(array['admin', 'member'])));
create policy remove on public.pattern_terms for delete to motif_api
  using (project_id in (select motif.my_projects(array['admin', 'member'])));

-- Every migration ends by saying its version, for roles that may not read the bookkeeping.
comment on schema motif is 'version 20261120000600';
