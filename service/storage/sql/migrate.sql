-- name: facts
-- What a migration needs to know of the database, from catalogs that any role may read.
select
  current_setting('server_version_num')::integer / 10000 as major,
  current_user::text as role,
  array(
    select wanted from unnest(array['anon', 'authenticated', 'service_role']) as wanted
    where not exists (select from pg_catalog.pg_roles where rolname = wanted)
  ) as missing_roles,
  exists (
    select from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'auth' and p.proname = 'uid'
  ) as has_auth,
  (select coalesce(installed_version, default_version) from pg_catalog.pg_available_extensions
   where name = 'vector') as vector_version,
  (select n.nspname::text from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
   where e.extname = 'vector') as vector_schema,
  has_database_privilege(current_database(), 'create') and coalesce((
    select has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select, insert')
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'supabase_migrations' and c.relname = 'schema_migrations'), true) as may_migrate,
  exists (
    select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'supabase_migrations' and c.relname = 'schema_migrations') as has_book,
  coalesce((select obj_description(oid, 'pg_namespace') from pg_catalog.pg_namespace
            where nspname = 'motif'), '') as schema_comment

-- name: lock
-- One migration at a time on this database, whichever process runs it; ends with the transaction.
select pg_advisory_xact_lock(hashtextextended('motif migrations', 0))

-- name: make_book
-- The table that the Supabase CLI keeps, as the CLI makes it.
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (version text primary key, statements text[], name text)

-- name: recorded
-- Every migration that was applied, ours and those of whoever else uses the database.
select version, coalesce(name, '') as name from supabase_migrations.schema_migrations order by version

-- name: record
-- Notes one migration as applied, as the CLI does.
insert into supabase_migrations.schema_migrations (version, statements, name) values (%s, %s, %s)

-- name: existing
-- Which of the schemas, relations and functions that we are about to make are there already.
select found.name
from (
  select n.nspname::text as name from pg_catalog.pg_namespace n where n.nspname = any (%(schema)s)
  union
  select n.nspname || '.' || c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname || '.' || c.relname = any (%(relation)s)
  union
  select n.nspname || '.' || p.proname from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  where n.nspname || '.' || p.proname = any (%(function)s)
) as found
order by found.name
