-- name: active_model
-- The model that patterns are embedded with, and how many patterns are.
select m.id, m.name, m.dimension from public.embedding_models m where m.active

-- name: register_model
-- A model's id; its partition is made when it is new.
select motif.register_embedding_model(%(name)s, %(dimension)s) as id

-- name: activate_model
-- One model is active; the others are not.
update public.embedding_models set active = (id = %(model_id)s) where active or id = %(model_id)s

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
                                       success, length_name, length_body)
select %(model_id)s, p.project_id, p.id, %(embedding)s, p.pattern_type, p.status, p.tags,
       motif.quality_score(p.quality_metrics, p.confidence), s.success_rate, %(length_name)s, %(length_body)s
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
       coalesce((select array_agg(q.quote order by q.created_at, q.char_start, q.quote) from (
         select e.quote, i.occurred_at as created_at, e.char_start from public.pattern_evidence e
         join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
         where e.project_id = p.project_id and e.pattern_id = p.id
         order by i.occurred_at, i.external_key, e.char_start limit 8) q), '{}') as quotes
from public.patterns p order by p.project_id, p.context_hash

-- name: lock_models
-- Held while every pattern is embedded anew: what is stored meanwhile waits, and then sees the new model.
lock table public.pattern_embeddings in share row exclusive mode

-- name: drop_interaction_vectors
-- Vectors of interactions under other models; they are made again when a history is learned from next.
delete from public.interaction_embeddings where model_id <> %(model_id)s
