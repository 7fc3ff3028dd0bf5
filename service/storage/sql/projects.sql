-- name: user_exists
-- Whether a person is known.
select motif.user_exists(%(user_id)s) as found

-- name: visible_projects
-- The projects that the caller sees, under row-level security.
select id, name from public.projects order by name, id

-- name: joined_projects
-- What a person is a member of and calls by that name or id, with their role, and whether they made it.
select p.id, p.name, m.role, coalesce(p.created_by = m.user_id, false) as own
from public.project_members m join public.projects p on p.id = m.project_id
where m.user_id = %(user_id)s and (p.name = %(name)s or p.id = %(id)s)
order by p.created_at, p.id

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

-- name: may_create
-- Whether the caller has the permission to create projects.
select motif.may_create_projects() as allowed

-- name: open_project
-- A project whose first admin is the caller.
select motif.create_project(%(name)s) as id

-- name: mine
-- A page of the projects that the caller is in, or with `all` of those that row-level security shows, the oldest first.
select p.id, p.name, r.role, p.created_at,
       (select count(*) from public.project_members m where m.project_id = p.id) as members
from public.projects p left join motif.my_roles() r on r.project_id = p.id
where (%(all)s or r.role is not null)
  and (%(after_time)s::timestamptz is null or (p.created_at, p.id) > (%(after_time)s, %(after_id)s::uuid))
order by p.created_at, p.id
limit %(limit)s

-- name: one
-- A project with its settings.
select id, name, settings, created_at, updated_at from public.projects where id = %(project_id)s

-- name: hold
-- The same, held until the transaction ends.
select id, name, settings, created_at, updated_at from public.projects where id = %(project_id)s for update

-- name: change
-- Another name, other settings.
update public.projects set name = %(name)s, settings = %(settings)s where id = %(project_id)s
returning id, name, settings, created_at, updated_at
