-- name: insert_tasks
-- Tasks with their validated answers; one done before stays as it was.
insert into public.tasks (project_id, interaction_id, type, prompt_version, input_hash, complexity, decision, reason,
                          state, answer, finished_at)
select %(project_id)s, r.interaction_id, r.type, r.prompt_version, r.input_hash, r.complexity, r.decision, r.reason,
       'done', r.answer, now()
from jsonb_to_recordset(%(rows)s) as r(interaction_id uuid, type text, prompt_version text, input_hash text,
                                       complexity real, decision text, reason text, answer jsonb)
on conflict (project_id, type, prompt_version, input_hash) do nothing

-- name: kept
-- What a model answered when the same was asked before.
select t.decision, t.reason, t.explanation, t.answer from public.tasks t
where t.project_id = %(project_id)s and t.type = %(type)s and t.prompt_version = %(prompt_version)s
  and t.input_hash = %(input_hash)s and t.state = 'done' and t.decision <> 'builtin' and t.answer is not null

-- name: keep
-- One task as it ended; one that a model answered stays as it is.
select motif.keep_answers(%(rows)s)

-- name: of_interaction
-- The tasks of an interaction, and those of others that asked the same; in the order in which they were begun.
select t.type, t.prompt_version, t.complexity, t.complexity_parts, t.decision, t.reason, t.importance, t.explanation,
       t.held_back, t.attempts, t.cost_nusd, t.state, t.answer, t.interaction_id, t.created_at, t.finished_at
from public.tasks t
where t.project_id = %(project_id)s and (t.interaction_id = %(interaction_id)s or t.input_hash = any(%(hashes)s))
order by t.created_at, t.id
