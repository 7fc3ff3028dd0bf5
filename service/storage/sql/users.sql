-- name: kept_here
-- Whether auth.users is the one that our bootstrap made, and so ours to write.
select coalesce(obj_description(to_regnamespace('auth'), 'pg_namespace'), '') like 'motif bootstrap %' as kept_here

-- name: by_email
-- The person of that address.
select id, email, created_at from auth.users where email = %(email)s and not is_anonymous

-- name: by_id
-- The person of that id.
select id, email, created_at from auth.users where id = %(user_id)s

-- name: all_users
-- Everybody who has an account, the oldest first.
select id, email, created_at from auth.users where not is_anonymous order by created_at, id

-- name: add
-- A new person; none where the address is taken.
insert into auth.users (id, aud, role, email, raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
values (gen_random_uuid(), 'authenticated', 'authenticated', %(email)s, '{}', '{}', now(), now())
on conflict (email) do nothing
returning id, email, created_at

-- name: remove
-- Ends an account; memberships and keys go with it.
delete from auth.users where id = %(user_id)s
