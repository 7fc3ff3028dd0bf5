-- name: page
-- A page of a project's members, the first to come first.
select user_id, role, created_at from public.project_members
where project_id = %(project_id)s
  and (%(after_time)s::timestamptz is null or (created_at, user_id) > (%(after_time)s, %(after_user)s::uuid))
order by created_at, user_id
limit %(limit)s

-- name: add
-- A new member.
insert into public.project_members (project_id, user_id, role) values (%(project_id)s, %(user_id)s, %(role)s)
returning user_id, role, created_at

-- name: change
-- Another role; a row that is as asked already is left alone, so that the audit tells of changes only.
update public.project_members set role = %(role)s
where project_id = %(project_id)s and user_id = %(user_id)s and role <> %(role)s

-- name: one
-- A member.
select user_id, role, created_at from public.project_members
where project_id = %(project_id)s and user_id = %(user_id)s

-- name: remove
-- A member goes, and with them the keys that they made for the project.
delete from public.project_members where project_id = %(project_id)s and user_id = %(user_id)s returning user_id
