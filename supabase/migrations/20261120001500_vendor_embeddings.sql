-- Embedding models at a vendor: what their vectors look like is known only from the first answer.

-- Whoever opens a source to vendors is on record with whom it was opened to.
drop trigger sources_audit on public.sources;
drop trigger sources_audit_update on public.sources;
create trigger sources_audit after insert or delete on public.sources
  for each row execute function motif.record_audit('kind', 'visibility', 'remote_models', 'remote_vendors', 'retention_days');
create trigger sources_audit_update after update on public.sources
  for each row when (old.* is distinct from new.*)
  execute function motif.record_audit('kind', 'visibility', 'remote_models', 'remote_vendors', 'retention_days');

-- The model that really answered, where a vendor names it: another one under the same name makes other vectors.
alter table public.embedding_models add column answered_as text check (char_length(answered_as) between 1 and 500);

-- As before, but that the length of a model's vectors may come later; until then there are none.
create or replace function motif.register_embedding_model(model_name text, model_dimension integer) returns smallint
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
    -- Room on each page, so that a change of what filters a match does not enter the vector into its index again.
    execute format('create table motif.pattern_embeddings_%1$s partition of public.pattern_embeddings
                    (constraint pattern_embeddings_%1$s_dimension check (%2$s))
                    for values in (%1$s) with (fillfactor = 85)', model.id,
                   case when model_dimension is null then 'embedding is null'
                        else format('embedding is null or extensions.vector_dims(embedding) = %s', model_dimension) end);
    execute format('alter table motif.pattern_embeddings_%s enable row level security', model.id);
    perform motif.index_embeddings(model.id);
  end if;
  if not exists (select from public.embedding_models where active) then
    update public.embedding_models set active = true where id = model.id;
  end if;
  return model.id;
end
$$;

-- What a vendor's answer said of a model. The first one counts; `anew` begins again with this one, without a vector.
-- Returns what is known from then on.
create function motif.know_embedding_model(model_name text, model_dimension integer, model_answered_as text, anew boolean)
returns table (id smallint, name text, dimension integer, answered_as text)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  model smallint := motif.register_embedding_model(model_name, model_dimension);
  known public.embedding_models;
begin
  select * into strict known from public.embedding_models m where m.id = model;
  if anew and (known.dimension, known.answered_as) is distinct from (model_dimension, model_answered_as) then
    -- Not deleted: rows that are only deleted would be read again by the index over the new length.
    execute format('truncate motif.pattern_embeddings_%s', model);
    delete from public.interaction_embeddings e where e.model_id = model;
    execute format('drop index if exists motif.pattern_embeddings_%s_near', model);
    update public.embedding_models m set dimension = null, answered_as = null where m.id = model;
    known.dimension := null;
  end if;
  if known.dimension is null then
    update public.embedding_models m set dimension = model_dimension where m.id = model;
    execute format('alter table motif.pattern_embeddings_%1$s
                      drop constraint pattern_embeddings_%1$s_dimension,
                      add constraint pattern_embeddings_%1$s_dimension
                        check (embedding is null or extensions.vector_dims(embedding) = %2$s)', model, model_dimension);
    perform motif.index_embeddings(model);
  end if;
  update public.embedding_models m set answered_as = model_answered_as where m.id = model and m.answered_as is null;
  return query select m.id, m.name, m.dimension, m.answered_as from public.embedding_models m where m.id = model;
end
$$;
revoke all on function motif.know_embedding_model(text, integer, text, boolean)
  from public, anon, authenticated, service_role;
grant execute on function motif.know_embedding_model(text, integer, text, boolean) to service_role;

comment on schema motif is 'version 20261120001500';
