-- name: insert_tasks
-- Tasks with their validated answers; one done before stays as it was.
insert into public.tasks (project_id, interaction_id, type, prompt_version, input_hash, complexity, decision, reason,
                          state, answer, finished_at)
select %(project_id)s, r.interaction_id, r.type, r.prompt_version, r.input_hash, r.complexity, r.decision, r.reason,
       'done', r.answer, now()
from jsonb_to_recordset(%(rows)s) as r(interaction_id uuid, type text, prompt_version text, input_hash text,
                                       complexity real, decision text, reason text, answer jsonb)
on conflict (project_id, type, prompt_version, input_hash) do nothing
