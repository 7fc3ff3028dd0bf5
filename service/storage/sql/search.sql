-- name: active_model
-- The model that patterns are embedded with, and how many patterns are.
select m.id, m.name, m.dimension from public.embedding_models m where m.active

-- name: register_model
-- A model's id; its partition is made when it is new.
select motif.register_embedding_model(%(name)s, %(dimension)s) as id

-- name: deactivate_models
-- Goes before activate_model: only one model may be active at any moment, and one statement has no order of rows.
update public.embedding_models set active = false where active and id <> %(model_id)s

-- name: activate_model
-- Makes a model the active one.
update public.embedding_models set active = true where id = %(model_id)s and not active

-- name: count_indexed
-- How many patterns have a row under each model, and how many of those have no vector.
select m.name, m.active, count(e.pattern_id) as rows,
       count(e.pattern_id) filter (where e.embedding is null) as without_vector
from public.embedding_models m join public.pattern_embeddings e on e.model_id = m.id
group by m.id order by m.id

-- name: delete_indexed
-- Takes patterns out of the search tables, to be written anew.
with terms as (
  delete from public.pattern_terms t where t.project_id = %(project_id)s and t.pattern_id = any(%(ids)s)
)
delete from public.pattern_embeddings e where e.project_id = %(project_id)s and e.pattern_id = any(%(ids)s)

-- name: insert_indexed
-- One pattern's row in the narrow table; what filters it comes from the pattern itself.
insert into public.pattern_embeddings (model_id, project_id, pattern_id, embedding, pattern_type, status, tags, quality,
                                       success, length_name, length_body, private_to)
select %(model_id)s, p.project_id, p.id, %(embedding)s, p.pattern_type, p.status, p.tags,
       motif.quality_score(p.quality_metrics, p.confidence), s.success_rate, %(length_name)s, %(length_body)s, p.private_to
from public.patterns p
join public.pattern_stats s on s.project_id = p.project_id and s.pattern_id = p.id
where p.project_id = %(project_id)s and p.id = %(pattern_id)s

-- name: insert_terms
-- The terms of patterns, with how often each stands in the name and in the body.
insert into public.pattern_terms (project_id, term, pattern_id, in_name, in_body)
select %(project_id)s, r.term, r.pattern_id, r.in_name, r.in_body
from jsonb_to_recordset(%(rows)s) as r(term text, pattern_id uuid, in_name smallint, in_body smallint)

-- name: indexable
-- Every pattern of every project as it is to be indexed again.
select p.id, p.project_id, p.name, p.description, p.content, p.tags, p.extraction_method,
       coalesce((select array_agg(q.quote order by q.occurred_at desc, q.external_key, q.char_start) from (
         select e.quote, i.occurred_at, i.external_key, e.char_start from public.pattern_evidence e
         join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
         where e.project_id = p.project_id and e.pattern_id = p.id
         order by i.occurred_at desc, i.external_key, e.char_start limit 8) q), '{}') as quotes
from public.patterns p order by p.project_id, p.context_hash

-- name: vectors
-- The vectors of some patterns.
select e.pattern_id, e.embedding from public.pattern_embeddings e
where e.model_id = %(model_id)s and e.project_id = %(project_id)s and e.pattern_id = any(%(ids)s)
  and e.embedding is not null

-- name: lacking
-- Patterns without a vector, the newest first.
select e.project_id, e.pattern_id, e.created_at as since from public.pattern_embeddings e
where e.model_id = %(model_id)s and (%(project_id)s::uuid is null or e.project_id = %(project_id)s)
  and e.embedding is null
order by e.project_id, e.created_at desc, e.pattern_id

-- name: give_vector
-- One pattern's vector, unless it was indexed again since its text was read.
update public.pattern_embeddings e set embedding = %(embedding)s
where e.model_id = %(model_id)s and e.project_id = %(project_id)s and e.pattern_id = %(pattern_id)s
  and e.created_at = %(since)s and e.embedding is null

-- name: know_model
-- What is known of a vendor's model once it has answered.
select k.dimension, k.answered_as
from motif.know_embedding_model(%(name)s, %(dimension)s, %(answered_as)s, %(anew)s) k

-- name: hold_models
-- What an insert would take anyway, taken before the model is looked at: a rebuild is over then or has to wait.
lock table public.pattern_embeddings in row exclusive mode

-- name: lock_models
-- Held while every pattern is embedded anew: what is stored meanwhile waits, and then sees the new model.
lock table public.pattern_embeddings in share row exclusive mode

-- name: drop_interaction_vectors
-- Vectors of interactions under other models; they are made again when a history is learned from next.
delete from public.interaction_embeddings where model_id <> %(model_id)s

-- name: audience
-- The repositories of some projects that are meant by an id, an external id or a name: all that fit in the surest way.
select s.id, s.external_id
from public.sources s
where s.project_id = any(%(projects)s) and s.kind = 'repository'
  and (s.id::text = lower(%(named)s) or s.external_id = %(named)s or s.name = %(named)s)
order by case when s.id::text = lower(%(named)s) then 1 when s.external_id = %(named)s then 2 else 3 end
fetch first row with ties

-- name: corpus
-- Counts over the patterns that the caller sees, before any filter, and how often all of them were used.
select * from motif.count_corpus(%(model_id)s::smallint, %(projects)s::uuid[], %(audience)s::uuid[], %(terms)s::text[])

-- name: candidates
-- The patterns nearest in meaning and those nearest in words, filters applied, with what their score is made of.
select * from motif.match_candidates(row(
  %(model_id)s, %(projects)s::uuid[], %(audience)s::uuid[], %(vector)s::extensions.halfvec, %(terms)s::text[],
  %(weights)s::float8[], %(statuses)s::text[], %(types)s::text[], %(tags)s::text[], %(min_quality)s::real,
  %(min_success)s::real, %(candidates)s, %(patterns)s, %(postings)s, %(used)s, %(exact_rows)s, %(saturation)s,
  %(name_weight)s, %(name_length)s, %(body_length)s, %(mean_name_length)s, %(mean_body_length)s)::motif.match_query)

-- name: shared_terms
-- Which of the query's terms stand in some patterns, and how often.
select t.pattern_id, t.term, t.in_name, t.in_body from public.pattern_terms t
where t.project_id = any(%(projects)s) and t.term = any(%(terms)s) and t.pattern_id = any(%(ids)s)

-- name: matched
-- What a match says about the patterns it lists, and the evidence that its audience may see.
select p.id as pattern_id, p.name, p.description, p.pattern_type, p.content, p.tags, p.scope, p.status, p.version,
       p.quality_metrics, p.extraction_method, p.created_at, p.updated_at, pr.name as project,
       st.match_count, st.usage_count, st.success_rate, st.last_matched_at,
       (select count(*) from public.pattern_evidence e where e.project_id = p.project_id and e.pattern_id = p.id)
         as evidence_count,
       coalesce((select jsonb_agg(q order by q.occurred_at desc, q.source, q.char_start) from (
         select i.external_key as source, i.kind, e.quote, e.char_start, e.char_end, i.occurred_at, e.repository, e.link
         from public.pattern_evidence e
         join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
         where e.project_id = p.project_id and e.pattern_id = p.id
           and (%(audience)s::uuid[] is null or e.visibility = 'public' or i.source_id = any(%(audience)s::uuid[]))
         order by i.occurred_at desc, i.external_key, e.char_start limit %(quotes)s) q), '[]') as evidence
from public.patterns p
join public.projects pr on pr.id = p.project_id
join public.pattern_stats st on st.project_id = p.project_id and st.pattern_id = p.id
where p.project_id = any(%(projects)s) and p.id = any(%(ids)s)
  and (%(audience)s::uuid[] is null or p.private_to <@ %(audience)s::uuid[])

-- name: count_matches
-- Adds to the counts of matches, in the order of the rows' keys so that two flushes never wait on each other in a ring.
update public.pattern_stats s set match_count = s.match_count + c.matches,
                                  last_matched_at = greatest(s.last_matched_at, c.matched_at)
from (select k.project_id, k.pattern_id, r.matches, r.matched_at
      from jsonb_to_recordset(%(rows)s) as r(pattern_id uuid, matches bigint, matched_at timestamptz)
      join public.patterns p on p.id = r.pattern_id
      join public.pattern_stats k on k.project_id = p.project_id and k.pattern_id = p.id
      order by k.project_id, k.pattern_id for update of k) c
where s.project_id = c.project_id and s.pattern_id = c.pattern_id

-- name: refresh_statistics
-- Tells the planner about what was written in bulk.
select motif.refresh_statistics()
