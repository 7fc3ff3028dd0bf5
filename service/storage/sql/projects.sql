-- name: user_exists
-- Whether a person is known.
select motif.user_exists(%(user_id)s) as found

-- name: visible_projects
-- The projects that the caller sees, under row-level security.
select id, name from public.projects order by name, id

-- name: create_project
-- A project and its first admin; none where the person has made one of that name before.
with made as (
  insert into public.projects (name, created_by) values (%(name)s, %(user_id)s)
  on conflict (created_by, name) do nothing
  returning id, name
), admin as (
  insert into public.project_members (project_id, user_id, role) select id, %(user_id)s, 'admin' from made
)
select id, name from made

-- name: own_project
-- The project of that name that a person made, and their role in it now.
select p.id, p.name, m.role
from public.projects p
left join public.project_members m on m.project_id = p.id and m.user_id = %(user_id)s
where p.created_by = %(user_id)s and p.name = %(name)s

-- name: create_source
-- A source by its external id; an existing one is returned.
insert into public.sources (project_id, kind, name, external_id)
values (%(project_id)s, %(kind)s, %(name)s, %(external_id)s)
on conflict (project_id, kind, external_id) do update set name = excluded.name
returning id, visibility

-- name: repositories
-- The external ids of a project's repositories.
select external_id, name from public.sources where project_id = %(project_id)s and kind = 'repository' order by name
