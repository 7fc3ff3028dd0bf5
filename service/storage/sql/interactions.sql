-- name: insert_interactions
-- New revisions, redacted; those already there are left as they are. Returns how many were new.
with new as (
  insert into public.interactions (project_id, source_id, kind, external_key, revision, author_key, occurred_at, text,
                                   metadata, priority, state, redacted, emergency)
  select %(project_id)s, %(source_id)s, r.kind, r.external_key, r.revision, r.author_key, r.occurred_at, r.text,
         coalesce(r.metadata, '{}'), %(priority)s, %(state)s, true, coalesce(r.emergency, false)
  from jsonb_to_recordset(%(rows)s) as r(kind text, external_key text, revision text, author_key text,
                                         occurred_at timestamptz, text text, metadata jsonb, emergency boolean)
  on conflict (project_id, source_id, external_key, revision) do nothing
  returning id, external_key, revision
)
select id, external_key, revision from new

-- name: known_keys
-- External keys of a source that are stored already.
select external_key from public.interactions where project_id = %(project_id)s and source_id = %(source_id)s

-- name: waiting
-- How many commits of a project wait to be learned from.
select count(*) as waiting from public.interactions
where project_id = %(project_id)s and kind = 'commit' and state in ('received', 'processing')

-- name: history
-- Every commit of a project, in the order of the history.
select i.id, i.kind, i.external_key, i.revision, i.author_key, i.occurred_at, i.text, i.metadata, i.state,
       s.name as repository, s.visibility
from public.interactions i
join public.sources s on s.project_id = i.project_id and s.id = i.source_id
where i.project_id = %(project_id)s and i.kind = 'commit' and i.state <> 'failed'
order by i.occurred_at, i.external_key, i.revision, i.created_at, i.source_id

-- name: one
-- One interaction with its source.
select i.id, i.project_id, i.source_id, i.kind, i.external_key, i.revision, i.author_key, i.occurred_at, i.text,
       i.metadata, i.priority, i.emergency, i.state, i.attempts, i.redacted, s.name as repository, s.visibility
from public.interactions i
join public.sources s on s.project_id = i.project_id and s.id = i.source_id
where i.id = %(id)s

-- name: begin_attempt
-- Claims an interaction for processing; nothing when it is done already.
update public.interactions set state = 'processing', attempts = attempts + 1, error = null
where id = %(id)s and state in ('received', 'processing', 'failed')
returning id

-- name: finish
-- The end of a processing: done, ignored or failed, with the reason.
update public.interactions set state = %(state)s, error = %(error)s, processed_at = now()
where project_id = %(project_id)s and id = any(%(ids)s)

-- name: embeddings
-- The vectors that interactions of a project have under a model.
select interaction_id, embedding from public.interaction_embeddings
where model_id = %(model_id)s and project_id = %(project_id)s

-- name: insert_embedding
-- One interaction's vector; a second one of the same model is the same vector, and one that was erased gets none.
insert into public.interaction_embeddings (model_id, project_id, interaction_id, embedding)
select %(model_id)s, i.project_id, i.id, %(embedding)s
from public.interactions i where i.project_id = %(project_id)s and i.id = %(interaction_id)s for key share of i
on conflict do nothing

-- name: erased
-- How many of some interactions are not there any more.
select count(*) as erased from unnest(%(ids)s::uuid[]) as given (id)
where not exists (select from public.interactions i where i.project_id = %(project_id)s and i.id = given.id)

-- name: lock_learning
-- Held while somebody learns a project's history; released at the end of the transaction.
select pg_advisory_xact_lock(hashtextextended('motif.learn:' || %(project_id)s, 0))

-- name: try_lock_learning
-- The same without waiting.
select pg_try_advisory_xact_lock(hashtextextended('motif.learn:' || %(project_id)s, 0)) as taken

-- name: lock_processing
-- Held while somebody learns from an interaction; released at the end of the transaction.
select pg_advisory_xact_lock(hashtextextended('motif.process:' || %(id)s, 0))

-- name: try_lock_processing
-- The same without waiting.
select pg_try_advisory_xact_lock(hashtextextended('motif.process:' || %(id)s, 0)) as taken

-- name: id_of
-- The id of a stored revision.
select id from public.interactions
where project_id = %(project_id)s and source_id = %(source_id)s and external_key = %(external_key)s
  and revision = %(revision)s

-- name: redact
-- Takes the secrets out of what a team client handed in.
update public.interactions set text = %(text)s, metadata = %(metadata)s, redacted = true where id = %(id)s
