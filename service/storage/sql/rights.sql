-- name: role_in
-- The caller's role in a project, as the policies see it.
select role from motif.my_roles() where project_id = %(project_id)s

-- name: project_exists
-- Whether there is such a project, for the service itself.
select id from public.projects where id = %(project_id)s

-- name: is_operator
-- Whether the caller is an operator of the installation.
select motif.is_operator() as operator
