-- name: server
-- The server, its vector extension, and whether the login role is held to row-level security.
select current_setting('server_version') as version,
       (select extversion from pg_catalog.pg_extension where extname = 'vector') as pgvector,
       session_user::text as login,
       (select rolsuper or rolbypassrls from pg_catalog.pg_roles where rolname = session_user) as bypasses_rls

-- name: jobs
-- Jobs by state.
select status::text as state, count(*) as number from jobs.procrastinate_jobs group by status order by status

-- name: workers
-- Workers that gave a sign of life in the last minute.
select count(*) as alive from jobs.procrastinate_workers where last_heartbeat > now() - interval '60 seconds'

-- name: totals
-- How much there is.
select (select count(*) from public.projects) as projects,
       (select count(*) from public.interactions) as interactions,
       (select count(*) from public.patterns) as patterns
