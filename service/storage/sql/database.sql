-- name: become
-- The role and the claims of this transaction; both end with it.
select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)

-- name: ping
-- Whether the connection is alive.
select 1 as alive
