-- name: page
-- A page of what was changed, the newest first: of one project, or of the whole installation.
select id, project_id, actor, action, target, details, created_at from public.audit
where (%(project_id)s::uuid is null or project_id = %(project_id)s)
  and (%(after_time)s::timestamptz is null or (created_at, id) < (%(after_time)s, %(after_id)s::uuid))
order by created_at desc, id desc
limit %(limit)s
