-- name: become
-- Who this transaction is, and how it finds and plans; all of it ends with the transaction. A generic plan of a match
-- knows neither the project nor the terms, and turns milliseconds into a tenth of a second.
select set_config('search_path', 'public, extensions', true), set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('role', %s, true), set_config('request.jwt.claims', %s, true)

-- name: look_for_types
-- Where pgvector's types are, for one transaction.
select set_config('search_path', 'public, extensions', true)

-- name: server
-- Which connection to the server runs this.
select pg_backend_pid() as server
