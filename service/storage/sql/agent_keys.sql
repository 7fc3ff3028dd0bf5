-- name: by_hash
-- The key with that hash, whoever asks: it is what says who asks.
select id, project_id, created_by, revoked_at is not null as revoked, coalesce(expires_at <= now(), false) as expired
from public.agent_keys where key_hash = %(key_hash)s

-- name: used
-- Notes when keys were used. Not more often than once a minute a key, whichever processes saw it.
update public.agent_keys set last_used_at = now()
where id = any (%(key_ids)s) and (last_used_at is null or last_used_at < now() - interval '1 minute')

-- name: add
-- A new key of the caller's.
insert into public.agent_keys (project_id, name, key_hash, scopes, created_by, expires_at)
values (%(project_id)s, %(name)s, %(key_hash)s, %(scopes)s, %(created_by)s, %(expires_at)s)
returning id, project_id, name, scopes, created_by, expires_at, last_used_at, revoked_at, created_at

-- name: page
-- The keys of a project that the caller may see, the newest first.
select id, project_id, name, scopes, created_by, expires_at, last_used_at, revoked_at, created_at
from public.agent_keys
where project_id = %(project_id)s
  and (%(after_at)s::timestamptz is null or (created_at, id) < (%(after_at)s, %(after_id)s::uuid))
order by created_at desc, id desc
limit %(limit)s

-- name: revoke
-- Ends a key, once.
update public.agent_keys set revoked_at = now()
where project_id = %(project_id)s and id = %(key_id)s and revoked_at is null

-- name: visible
-- Whether the caller may see that key.
select from public.agent_keys where project_id = %(project_id)s and id = %(key_id)s
