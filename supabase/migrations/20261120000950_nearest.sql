-- Finding the nearest: an index of each model's vectors for those who see many patterns, an exact scan for all others.

-- One of a model's own partition, over vectors of its own length; words alone have none.
create function motif.index_embeddings(model smallint) returns void
language plpgsql security definer set search_path = '' as $$
declare
  length integer := (select m.dimension from public.embedding_models m where m.id = model);
begin
  if length is not null then
    execute format('create index if not exists pattern_embeddings_%1$s_near on motif.pattern_embeddings_%1$s
                    using hnsw ((embedding::extensions.halfvec(%2$s)) extensions.halfvec_ip_ops)', model, length);
  end if;
end
$$;

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
                    (constraint pattern_embeddings_%1$s_dimension
                     check (embedding is null or extensions.vector_dims(embedding) = %2$s))
                    for values in (%1$s) with (fillfactor = 85)', model.id, model_dimension);
    execute format('alter table motif.pattern_embeddings_%s enable row level security', model.id);
    perform motif.index_embeddings(model.id);
  end if;
  if not exists (select from public.embedding_models where active) then
    update public.embedding_models set active = true where id = model.id;
  end if;
  return model.id;
end
$$;

do $$
declare
  model public.embedding_models;
begin
  for model in select * from public.embedding_models where id > 0 order by id loop
    execute format('alter table motif.pattern_embeddings_%s set (fillfactor = 85)', model.id);
    perform motif.index_embeddings(model.id);
  end loop;
end
$$;

-- What a match reads of every pattern stands in the key itself, so that the vectors in between are not read for it.
alter table public.pattern_embeddings add column has_vector boolean not null
  generated always as (embedding is not null) stored;
alter table public.pattern_embeddings drop constraint pattern_embeddings_pkey;
alter table public.pattern_embeddings add primary key (model_id, project_id, pattern_id)
  include (length_name, length_body, status, private_to, has_vector);
-- What every match counts is found without passing by other tenants' rows.
create index pattern_stats_used on public.pattern_stats (project_id) where usage_count > 0;
create index pattern_usage_recent on public.pattern_usage (project_id, started_at);
-- Asked for once and compared row by row: everybody is a member of a few projects, and a hash table costs a tenth of a
-- match more.
alter policy read on public.pattern_embeddings using (project_id = any ((select motif.my_project_ids())::uuid[]));
alter policy read on public.pattern_terms using (project_id = any ((select motif.my_project_ids())::uuid[]));
alter policy read on public.pattern_stats using (project_id = any ((select motif.my_project_ids())::uuid[]));
alter policy read on public.pattern_usage using (project_id = any ((select motif.my_project_ids())::uuid[]));

-- Counts over all that a match looks through, before any filter, and how often all of it was used.
create type motif.match_corpus as (
  patterns bigint, mean_name_length double precision, mean_body_length double precision, without_vector bigint,
  document_frequency jsonb, uses double precision, success_rate double precision, recent_uses double precision,
  recent_performance double precision
);
create function motif.count_corpus(model smallint, projects uuid[], audience uuid[], terms text[])
returns setof motif.match_corpus
language plpgsql stable security invoker rows 1
set search_path = '' set plan_cache_mode = force_generic_plan set max_parallel_workers_per_gather = 0
set enable_seqscan = off
as $$
begin
  return query
  with seen as (
    select count(*) as patterns, coalesce(avg(e.length_name::double precision), 0) as mean_name_length,
           coalesce(avg(e.length_body::double precision), 0) as mean_body_length,
           count(*) filter (where not e.has_vector) as without_vector
    from public.pattern_embeddings e
    where e.model_id = model and e.project_id = any (projects) and (audience is null or e.private_to <@ audience)
  ), held as (
    select t.term, count(*) as patterns from public.pattern_terms t
    where t.project_id = any (projects) and t.term = any (terms)
      and (audience is null or exists (
        select from public.pattern_embeddings e
        where e.model_id = model and e.project_id = t.project_id and e.pattern_id = t.pattern_id
          and e.private_to <@ audience))
    group by t.term
  ), used as (
    select sum(s.usage_count)::double precision as uses,
           (sum(s.usage_count * s.success_rate) filter (where s.success_rate is not null)
            / nullif(sum(s.usage_count) filter (where s.success_rate is not null), 0))::double precision as success_rate
    from public.pattern_stats s
    where s.project_id = any (projects) and s.usage_count > 0
      and (audience is null or exists (
        select from public.pattern_embeddings e
        where e.model_id = model and e.project_id = s.project_id and e.pattern_id = s.pattern_id
          and e.private_to <@ audience))
  ), recent as (
    select count(u.performance_score)::double precision as uses,
           avg(u.performance_score)::double precision as performance
    from public.pattern_usage u
    where (select used.uses from used) > 0  -- where nothing was used, not even looked for
      and u.project_id = any (projects) and u.started_at between now() - interval '30 days' and now()
      and (audience is null or exists (
        select from public.pattern_embeddings e
        where e.model_id = model and e.project_id = u.project_id and e.pattern_id = u.pattern_id
          and e.private_to <@ audience))
  )
  select seen.patterns, seen.mean_name_length, seen.mean_body_length, seen.without_vector,
         coalesce((select jsonb_object_agg(h.term, h.patterns) from held h), '{}'), coalesce(used.uses, 0),
         used.success_rate, recent.uses, recent.performance
  from seen cross join used cross join recent;
end
$$;

-- What a match asks. Who asks is not in it: that the claims of the transaction say.
create type motif.match_query as (
  model smallint, projects uuid[],
  audience uuid[],  -- the sources that are the asking repository; null for a member, who may see everything of theirs
  vector extensions.halfvec, terms text[], weights double precision[],
  statuses text[], types text[], tags text[], min_quality real, min_success real,
  candidates integer,  -- examined from each side, meaning and words
  patterns bigint,  -- how many there are before the filters, and how many rows the terms have:
  postings bigint,  -- they choose the way; a wrong number costs time and shows nothing
  used boolean,  -- whether any of it ever was; if not, nobody looks for it
  exact_rows integer,
  saturation double precision, name_weight double precision, name_length double precision, body_length double precision,
  mean_name_length double precision, mean_body_length double precision
);
create type motif.match_candidate as (
  project_id uuid, pattern_id uuid, length_name smallint, length_body integer,
  cosine double precision, words double precision, by_index boolean
);

-- How many patterns caller and filters leave; counting ends where the exact scan would.
create function motif.count_left(q motif.match_query) returns bigint
language plpgsql stable security invoker set search_path = '' set plan_cache_mode = force_custom_plan
as $$
begin
  return (select count(*) from (
    select from public.pattern_embeddings e
    where e.model_id = q.model and e.project_id = any (q.projects) and e.status = any (q.statuses)
      and (q.audience is null or e.private_to <@ q.audience)
      and (cardinality(q.types) = 0 or e.pattern_type = any (q.types))
      and (cardinality(q.tags) = 0 or e.tags @> q.tags)
      and (q.min_quality is null or e.quality >= q.min_quality)
      and (q.min_success is null or e.success >= q.min_success)
    limit greatest(q.exact_rows, q.candidates) + 1) as few);
end
$$;

-- Whoever is no superuser may name the settings of an extension only once it is loaded.
do $$
begin
  perform extensions.vector_dims('[1]'::extensions.halfvec);
end
$$;

-- The nearest by the index. The settings leave the planner no other way: it takes every caller for one of few rows.
create function motif.nearest_by_index(q motif.match_query, most_scanned integer) returns uuid[]
language plpgsql stable security invoker
set search_path = '' set hnsw.iterative_scan = 'relaxed_order' set hnsw.ef_search = '100'
set hnsw.max_scan_tuples = '20000' set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  near uuid[];
begin
  perform set_config('hnsw.max_scan_tuples', most_scanned::text, true);
  execute format(
    'select array(
       select e.pattern_id from public.pattern_embeddings e
       where e.model_id = %1$s and e.embedding is not null and e.project_id = any ($2) and e.status = any ($4)
         and ($3 is null or e.private_to <@ $3)
         and (cardinality($5) = 0 or e.pattern_type = any ($5)) and (cardinality($6) = 0 or e.tags @> $6)
         and ($7 is null or e.quality >= $7) and ($8 is null or e.success >= $8)
       order by (e.embedding::extensions.halfvec(%2$s)) operator(extensions.<#>) $1
       limit $9)',
    q.model, extensions.vector_dims(q.vector))
  using q.vector, q.projects, q.audience, q.statuses, q.types, q.tags, q.min_quality, q.min_success, q.candidates
  into near;
  return near;
end
$$;

-- These, and the nearest in words. Joined to the rows one by one, or, where the terms are in much of everything, at once.
create function motif.candidates_by_index(q motif.match_query, near uuid[]) returns setof motif.match_candidate
language plpgsql stable security invoker rows 300
set search_path = '' set plan_cache_mode = force_custom_plan set max_parallel_workers_per_gather = 0
set enable_nestloop = on
as $$
declare
  worded uuid[];
  scores double precision[];
begin
  if q.postings * 4 > q.patterns then
    perform set_config('enable_nestloop', 'off', true);
  end if;
  with lexical as materialized (
    select t.pattern_id, sum(a.weight * w.w / (q.saturation + w.w)) as words
    from public.pattern_terms t
    join unnest(q.terms, q.weights) as a (term, weight) on a.term = t.term
    join public.pattern_embeddings e
      on e.model_id = q.model and e.project_id = t.project_id and e.pattern_id = t.pattern_id
    cross join lateral (
      select q.name_weight * t.in_name / (1 - q.name_length + q.name_length * e.length_name / q.mean_name_length)
             + t.in_body / (1 - q.body_length + q.body_length * e.length_body / q.mean_body_length) as w
    ) w
    where t.project_id = any (q.projects) and t.term = any (q.terms)
      and e.project_id = any (q.projects) and e.status = any (q.statuses)
      and (q.audience is null or e.private_to <@ q.audience)
      and (cardinality(q.types) = 0 or e.pattern_type = any (q.types))
      and (cardinality(q.tags) = 0 or e.tags @> q.tags)
      and (q.min_quality is null or e.quality >= q.min_quality)
      and (q.min_success is null or e.success >= q.min_success)
    group by t.pattern_id
  ), best as (
    (select * from lexical l order by l.words desc, l.pattern_id limit q.candidates)
    union
    select * from lexical l where l.pattern_id = any (near)
  )
  select array_agg(b.pattern_id), array_agg(b.words) into worded, scores from best b;
  perform set_config('enable_nestloop', 'on', true);

  return query
  select e.project_id, e.pattern_id, e.length_name, e.length_body,
         -(e.embedding operator(extensions.<#>) q.vector), coalesce(c.words, 0), true
  from (
    select id, max(words) as words
    from (select * from unnest(worded, scores) as w (id, words)
          union all select n.id, null from unnest(near) as n (id)) both_sides
    group by id
  ) c
  join public.pattern_embeddings e
    on e.model_id = q.model and e.project_id = any (q.projects) and e.pattern_id = c.id;
end
$$;

-- Every row that caller and filters leave is looked at, by one plan that is made once: keys into the tables, hashes
-- between them. Nested loops would go through all patterns again for each row of the terms, since the planner expects one
-- row where policies hold; whole tables are other tenants'.
create function motif.candidates_by_scan(q motif.match_query) returns setof motif.match_candidate
language plpgsql stable security invoker rows 300
set search_path = '' set plan_cache_mode = force_generic_plan set max_parallel_workers_per_gather = 0
set enable_seqscan = off set enable_nestloop = off
set enable_mergejoin = off
as $$
begin
  return query
  with seen as materialized (
    -- "+ 0" keeps the planner from the index, which would leave out what it does not find.
    select e.project_id, e.pattern_id, e.length_name, e.length_body,
           -((e.embedding operator(extensions.<#>) q.vector) + 0) as cosine
    from public.pattern_embeddings e
    where e.model_id = q.model and e.project_id = any (q.projects) and e.status = any (q.statuses)
      and (q.audience is null or e.private_to <@ q.audience)
      and (cardinality(q.types) = 0 or e.pattern_type = any (q.types))
      and (cardinality(q.tags) = 0 or e.tags @> q.tags)
      and (q.min_quality is null or e.quality >= q.min_quality)
      and (q.min_success is null or e.success >= q.min_success)
  ), lexical as materialized (
    select s.pattern_id, sum(a.weight * w.w / (q.saturation + w.w)) as words
    from public.pattern_terms t
    join unnest(q.terms, q.weights) as a (term, weight) on a.term = t.term
    join seen s on s.pattern_id = t.pattern_id
    cross join lateral (
      select q.name_weight * t.in_name / (1 - q.name_length + q.name_length * s.length_name / q.mean_name_length)
             + t.in_body / (1 - q.body_length + q.body_length * s.length_body / q.mean_body_length) as w
    ) w
    where t.project_id = any (q.projects) and t.term = any (q.terms)
    group by s.pattern_id
  ), scored as materialized (
    select s.project_id, s.pattern_id, s.length_name, s.length_body, s.cosine, l.words
    from seen s left join lexical l on l.pattern_id = s.pattern_id
  ), chosen as (
    (select * from scored s where s.cosine is not null order by s.cosine desc, s.pattern_id limit q.candidates)
    union
    (select * from scored s where s.words is not null order by s.words desc, s.pattern_id limit q.candidates)
  )
  select c.project_id, c.pattern_id, c.length_name, c.length_body, c.cosine, coalesce(c.words, 0), false from chosen c;
end
$$;

-- The candidates of a match: the nearest in meaning and the nearest in words, filters applied, with what their score is
-- made of. The words are BM25F; its constants and the terms' weights come from service/matching/rank.py. Which rows may
-- be seen the policies say. How many are left decides the way; the size of the index, only what is cheaper.
create function motif.match_candidates(q motif.match_query)
returns table (
  project_id uuid, pattern_id uuid, length_name smallint, length_body integer, cosine double precision,
  words double precision, by_index boolean, uses double precision, success_rate double precision,
  recent_uses double precision, recent_performance double precision
)
language plpgsql stable security invoker rows 300
set search_path = '' set plan_cache_mode = force_generic_plan set max_parallel_workers_per_gather = 0
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  counted bigint;
  indexed double precision;
  near uuid[];
  indeed boolean := false;
begin
  if q.vector is not null and q.patterns > q.exact_rows then
    counted := motif.count_left(q);
    select greatest(c.reltuples, q.patterns) into indexed
    from pg_catalog.pg_class c where c.oid = format('motif.pattern_embeddings_%s', q.model)::regclass;
    -- A row met in the index costs as much as seven of a scan, and one in indexed / patterns of them is the caller's.
    if counted > q.exact_rows
       and (q.patterns <= q.candidates or 7 * q.candidates * indexed / q.patterns < q.patterns) then
      near := motif.nearest_by_index(q, least(20000, greatest(q.patterns / 7, q.candidates))::integer);
      -- Fewer than there are to be found: the scan finds them.
      indeed := cardinality(near) >= least(q.candidates, counted);
    end if;
  end if;
  return query
  select c.project_id, c.pattern_id, c.length_name, c.length_body, c.cosine, c.words, c.by_index,
         coalesce(s.usage_count, 0)::double precision, s.success_rate::double precision,
         coalesce(u.uses, 0)::double precision,
         u.performance::double precision
  from (
    select * from motif.candidates_by_index(q, near) where indeed
    union all
    select * from motif.candidates_by_scan(q) where not indeed
  ) c
  -- "offset 0": looked up one by one; joined, all tenants' statistics would be read.
  left join lateral (
    select st.usage_count, st.success_rate from public.pattern_stats st
    where q.used and st.project_id = c.project_id and st.pattern_id = c.pattern_id offset 0
  ) s on true
  left join lateral (
    select count(u.performance_score) as uses, avg(u.performance_score) as performance
    from public.pattern_usage u
    where s.usage_count > 0 and u.project_id = c.project_id and u.pattern_id = c.pattern_id
      and u.started_at between now() - interval '30 days' and now()
  ) u on true;
end
$$;

revoke all on function motif.index_embeddings(smallint), motif.count_corpus(smallint, uuid[], uuid[], text[]),
  motif.count_left(motif.match_query),
  motif.nearest_by_index(motif.match_query, integer), motif.candidates_by_index(motif.match_query, uuid[]),
  motif.candidates_by_scan(motif.match_query), motif.match_candidates(motif.match_query)
  from public, anon, authenticated, service_role;
grant execute on function motif.count_corpus(smallint, uuid[], uuid[], text[]),
  motif.count_left(motif.match_query), motif.nearest_by_index(motif.match_query, integer),
  motif.candidates_by_index(motif.match_query, uuid[]), motif.candidates_by_scan(motif.match_query),
  motif.match_candidates(motif.match_query)
  to authenticated, motif_api, service_role;

comment on schema motif is 'version 20261120000950';
