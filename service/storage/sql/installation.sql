-- name: page
-- A page of who has a role in the installation, the oldest first.
select user_id, role, created_at from public.installation_roles
where %(after_time)s::timestamptz is null
   or (created_at, user_id, role) > (%(after_time)s, %(after_user)s::uuid, %(after_role)s::text)
order by created_at, user_id, role
limit %(limit)s

-- name: grant
-- A role for a person; who has it keeps it.
insert into public.installation_roles (user_id, role) values (%(user_id)s, %(role)s) on conflict do nothing

-- name: one
-- A person's role.
select user_id, role, created_at from public.installation_roles where user_id = %(user_id)s and role = %(role)s

-- name: revoke
-- A person no longer has a role.
delete from public.installation_roles where user_id = %(user_id)s and role = %(role)s returning user_id

-- name: powers
-- What the caller may do in the installation, whatever the project.
select motif.is_operator() as operator, motif.may_create_projects() as may_create_projects

-- name: my_projects
-- The caller's projects by name, with their role.
select p.id, p.name, r.role from motif.my_roles() r join public.projects p on p.id = r.project_id
order by p.name, p.id
limit %(limit)s
