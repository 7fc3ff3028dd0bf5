-- Who may connect and as what. Supabase's own roles (anon, authenticated, service_role) exist before this file.

create schema if not exists extensions;
create extension if not exists vector with schema extensions;

-- Everything that is not an API of its own: membership, triggers, partitions.
create schema motif;
revoke all on schema motif from public;

-- motif_api makes all writes of people and agents except the three inserts that team clients have. PostgREST's
-- authenticator is no member of it, so no token can assume it from outside.
do $$
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'motif_api') then
    create role motif_api nologin noinherit;
  end if;
  -- The service logs in as motif_service. Without "set role" it sees nothing. A password is set where it needs one.
  if not exists (select from pg_catalog.pg_roles where rolname = 'motif_service') then
    create role motif_service login noinherit;
  end if;
end
$$;

grant authenticated, service_role, motif_api to motif_service;
grant usage on schema public to motif_api, motif_service;
grant usage on schema extensions to motif_api, motif_service, authenticated, service_role;
grant usage on schema auth to motif_api;
grant usage on schema motif to service_role;
