-- Who may do what: agents' keys, the installation's roles, what each caller is a member of, and the audit of all that.

-- A key for a program: one project, never more than its maker may, and gone as soon as its maker is.
create table public.agent_keys (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  name text not null check (char_length(name) between 1 and 200),
  -- SHA-256 of the key, which is shown once and kept nowhere.
  key_hash bytea not null unique check (octet_length(key_hash) = 32),
  scopes text[] not null check (scopes <@ array['read', 'write'] and 'read' = any (scopes)),
  created_by uuid not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now(),
  unique (project_id, id),
  foreign key (project_id, created_by) references public.project_members (project_id, user_id) on delete cascade
);
create index agent_keys_maker on public.agent_keys (project_id, created_by);

create trigger agent_keys_stay_revoked before update of revoked_at on public.agent_keys
  for each row when (old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at)
  execute function motif.refuse_change();

create table public.installation_roles (
  user_id uuid not null references auth.users (id) on delete cascade,
  role text not null check (role in ('operator', 'project_creator')),
  created_at timestamptz not null default now(),
  primary key (user_id, role)
);
comment on table public.installation_roles is 'Installation-level. An operator stands above projects and sees no content.';
-- The one person of an embedded installation runs it. On Supabase nobody has this id.
insert into public.installation_roles (user_id, role)
select id, 'operator' from auth.users where id = '00000000-0000-4000-8000-000000000001';

-- Somebody who signed in themselves: no agent, and no visitor whom Supabase lets in without a name.
create function motif.is_person() returns boolean
language sql stable set search_path = '' as $$
  select (select auth.uid()) is not null
     and coalesce((select auth.jwt()) ->> 'is_anonymous', 'false') = 'false'
     and (select auth.jwt()) ->> 'agent_key' is null
$$;

-- The caller's role in each project. An agent is at most a member, and only of its key's project while the key lives.
-- Every policy of every table asks this: in plpgsql, whose plans a session keeps, it costs less than half of what it
-- would as plain SQL, which is planned anew each time.
create function motif.my_roles() returns table (project_id uuid, role text)
language plpgsql stable security definer rows 8 set search_path = '' set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  claims jsonb := auth.jwt();
  me uuid := auth.uid();
  key uuid := claims ->> 'agent_key';
begin
  if me is null or coalesce(claims ->> 'is_anonymous', 'false') <> 'false' then
    return;
  end if;
  if key is null then
    return query select m.project_id, m.role from public.project_members m where m.user_id = me;
  else
    return query
      select m.project_id, case when m.role <> 'viewer' and 'write' = any (k.scopes) then 'member' else 'viewer' end
      from public.agent_keys k
      join public.project_members m on m.project_id = k.project_id and m.user_id = k.created_by
      where k.id = key and k.created_by = me
        and k.revoked_at is null and (k.expires_at is null or k.expires_at > now());
  end if;
end
$$;

create or replace function motif.my_projects() returns setof uuid
language plpgsql stable security definer rows 8 set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return query select r.project_id from motif.my_roles() r;
end
$$;

create or replace function motif.my_projects(roles text[]) returns setof uuid
language plpgsql stable security definer rows 8 set search_path = '' set plan_cache_mode = force_generic_plan as $$
begin
  return query select r.project_id from motif.my_roles() r where r.role = any (roles);
end
$$;

-- The same as my_projects(), as an array and with a short way for people: for the tables that every match reads.
create function motif.my_project_ids() returns uuid[]
language plpgsql stable security definer set search_path = '' set plan_cache_mode = force_generic_plan as $$
declare
  claims jsonb := auth.jwt();
  me uuid := auth.uid();
begin
  if claims ->> 'agent_key' is null and coalesce(claims ->> 'is_anonymous', 'false') = 'false' then
    return array(select m.project_id from public.project_members m where m.user_id = me);
  end if;
  return array(select r.project_id from motif.my_roles() r);
end
$$;

create function motif.is_operator() returns boolean
language sql stable security definer set search_path = '' as $$
  select motif.is_person() and exists (
    select from public.installation_roles where user_id = (select auth.uid()) and role = 'operator')
$$;

create function motif.may_create_projects() returns boolean
language sql stable security definer set search_path = '' as $$
  select motif.is_person() and exists (select from public.installation_roles where user_id = (select auth.uid()))
$$;

-- A function, because a policy cannot see that the row it is asked about makes its maker a member.
create function motif.create_project(project_name text) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  made uuid;
begin
  if not motif.may_create_projects() then
    raise exception 'creating a project needs permission' using errcode = 'insufficient_privilege';
  end if;
  insert into public.projects (name, created_by) values (project_name, (select auth.uid())) returning id into made;
  insert into public.project_members (project_id, user_id, role) values (made, (select auth.uid()), 'admin');
  return made;
end
$$;

-- A name is unique among its maker's. Whom somebody else renames leaves those, or a refusal would tell what other
-- projects the maker has.
create function motif.leave_makers_names() returns trigger
language plpgsql set search_path = '' as $$
begin
  if (select auth.uid()) is distinct from old.created_by then
    new.created_by := null;
  end if;
  return new;
end
$$;
create trigger projects_renamed before update of name on public.projects
  for each row when (old.name <> new.name) execute function motif.leave_makers_names();

-- A project without an admin could never be mended from inside. One that goes, or whose last admin's account was
-- deleted, is let go.
create function motif.keep_an_admin() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- Two admins who remove each other at once: the second waits here and then sees what the first did.
  perform from public.projects where id = old.project_id for update;
  if found
     and exists (select from auth.users where id = old.user_id)
     and not exists (select from public.project_members where project_id = old.project_id and role = 'admin') then
    raise exception 'a project keeps at least one admin'
      using errcode = 'restrict_violation', constraint = 'project_members_last_admin';
  end if;
  return null;
end
$$;
create trigger project_members_keep_an_admin after update or delete on public.project_members
  for each row when (old.role = 'admin') execute function motif.keep_an_admin();

-- Nobody knows who a visitor without a name is, so nobody can want them in a project.
create function motif.refuse_visitors() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from auth.users where id = new.user_id and is_anonymous) then
    raise exception 'an anonymous user cannot be a member'
      using errcode = 'check_violation', constraint = 'project_members_no_visitors';
  end if;
  return new;
end
$$;
create trigger project_members_refuse_visitors before insert or update on public.project_members
  for each row execute function motif.refuse_visitors();

-- The audit is written by triggers alone, so that no way of changing something goes past it.
create function motif.actor() returns text
language sql stable set search_path = '' as $$
  select case when (select auth.jwt()) ->> 'agent_key' is not null then 'agent:' || ((select auth.jwt()) ->> 'agent_key')
              when (select auth.uid()) is not null then 'user:' || (select auth.uid())
              else 'service' end
$$;

-- Arguments: the columns whose values may be told. Of others (names, settings) only that they changed: the audit is
-- append-only and must hold nothing that could have to be erased.
create function motif.record_audit() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) else '{}' end;
  after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) else '{}' end;
  this jsonb := before || after;
  open_columns text[] := coalesce(tg_argv, '{}');  -- null for a trigger without arguments, which would tell all
  told jsonb;
begin
  select coalesce(jsonb_object_agg(keys.key, case
           when keys.key <> all (open_columns) then to_jsonb('changed'::text)
           when tg_op = 'INSERT' then after -> keys.key
           when tg_op = 'DELETE' then before -> keys.key
           else jsonb_build_array(before -> keys.key, after -> keys.key) end), '{}')
  into told
  from jsonb_object_keys(this) as keys (key)
  where before -> keys.key is distinct from after -> keys.key
    and (tg_op = 'UPDATE' and keys.key <> 'updated_at' or keys.key = any (open_columns));
  insert into public.audit (project_id, actor, action, target, details)
  values (
    case tg_table_name when 'projects' then (this ->> 'id')::uuid else (this ->> 'project_id')::uuid end,
    motif.actor(),
    tg_table_name || '.' || lower(tg_op),
    coalesce(this ->> 'id', this ->> 'user_id'),
    told);
  return null;
end
$$;
create trigger projects_audit after insert or update or delete on public.projects
  for each row execute function motif.record_audit();
create trigger project_members_audit after insert or update or delete on public.project_members
  for each row execute function motif.record_audit('user_id', 'role');
create trigger sources_audit after insert or delete on public.sources
  for each row execute function motif.record_audit('kind', 'visibility', 'remote_models', 'retention_days');
create trigger sources_audit_update after update on public.sources
  for each row when (old.* is distinct from new.*)
  execute function motif.record_audit('kind', 'visibility', 'remote_models', 'retention_days');
create trigger agent_keys_audit after insert or delete on public.agent_keys
  for each row execute function motif.record_audit('scopes', 'created_by', 'expires_at');
create trigger agent_keys_audit_update after update of name, scopes, expires_at, revoked_at on public.agent_keys
  for each row execute function motif.record_audit('scopes', 'expires_at', 'revoked_at');
create trigger installation_roles_audit after insert or update or delete on public.installation_roles
  for each row execute function motif.record_audit('user_id', 'role');

-- Asked with the rights of whoever writes: as the owner it would say, by which error it gives, what stands in texts that
-- the writer may not see.
alter function motif.check_quote() security invoker;

revoke all on function motif.is_person(), motif.my_roles(), motif.my_project_ids(), motif.is_operator(),
  motif.may_create_projects(), motif.create_project(text), motif.leave_makers_names(), motif.keep_an_admin(),
  motif.refuse_visitors(), motif.actor(), motif.record_audit()
  from public;
grant execute on function motif.is_person(), motif.my_roles(), motif.my_project_ids() to authenticated, motif_api, service_role;
grant execute on function motif.is_operator(), motif.may_create_projects(), motif.create_project(text) to motif_api;
grant execute on function motif.check_quote() to motif_api, service_role;

-- Read by page, the newest first: a project's, and all.
create index audit_of_project on public.audit (project_id, created_at desc, id desc);
create index audit_newest on public.audit (created_at desc, id desc);

alter table public.agent_keys enable row level security;
alter table public.installation_roles enable row level security;
revoke all on public.agent_keys, public.installation_roles from public, anon, authenticated, service_role;
grant select (id, project_id, name, scopes, created_by, expires_at, last_used_at, revoked_at, created_at)
  on public.agent_keys to motif_api;
grant insert (project_id, name, key_hash, scopes, created_by, expires_at), update (revoked_at)
  on public.agent_keys to motif_api;
grant select, insert, update, delete on public.agent_keys, public.installation_roles to service_role;
grant select, insert, delete on public.installation_roles to motif_api;

-- A key can do what its maker can, at most; who made it and the admins see and revoke it.
create policy read on public.agent_keys for select to motif_api
  using ((select motif.is_person()) and project_id in (select motif.my_projects())
         and (created_by = (select auth.uid()) or project_id in (select motif.my_projects(array['admin']))));
create policy add on public.agent_keys for insert to motif_api
  with check ((select motif.is_person()) and created_by = (select auth.uid())
              and project_id in (select motif.my_projects(array['admin', 'member'])));
create policy change on public.agent_keys for update to motif_api
  using ((select motif.is_person()) and project_id in (select motif.my_projects())
         and (created_by = (select auth.uid()) or project_id in (select motif.my_projects(array['admin']))))
  with check ((select motif.is_person()) and project_id in (select motif.my_projects())
              and (created_by = (select auth.uid()) or project_id in (select motif.my_projects(array['admin']))));

create policy read on public.installation_roles for select to motif_api
  using ((select motif.is_operator()) or (select motif.is_person()) and user_id = (select auth.uid()));
create policy add on public.installation_roles for insert to motif_api with check ((select motif.is_operator()));
create policy remove on public.installation_roles for delete to motif_api using ((select motif.is_operator()));

-- The operator sees that a project is there and who belongs to it, and can put members right; what it holds is for
-- members. One who makes themselves a member stands in the audit. Said in the policies that are there: of several that
-- allow the same, each is asked for every row.
alter policy read on public.projects to authenticated;
create policy read_by_service on public.projects for select to motif_api
  using (id in (select motif.my_projects()) or (select motif.is_operator()));
alter policy read on public.project_members to authenticated;
create policy read_by_service on public.project_members for select to motif_api
  using (project_id in (select motif.my_projects()) or (select motif.is_operator()));
alter policy add on public.project_members
  with check (project_id in (select motif.my_projects(array['admin'])) or (select motif.is_operator()));
alter policy change on public.project_members
  using (project_id in (select motif.my_projects(array['admin'])) or (select motif.is_operator()))
  with check (project_id in (select motif.my_projects(array['admin'])) or (select motif.is_operator()));
-- Who wants to leave may leave.
alter policy remove on public.project_members
  using (project_id in (select motif.my_projects(array['admin'])) or (select motif.is_operator())
         or (select motif.is_person()) and user_id = (select auth.uid()));
alter policy read on public.audit
  using (project_id in (select motif.my_projects(array['admin'])) or (select motif.is_operator()));

drop policy add on public.audit;
revoke insert on public.audit from motif_api, service_role;

-- Columns that a caller has no business to set: whose row it is, when it came, what the service alone knows.
revoke insert, update on public.projects, public.project_members, public.sources from motif_api;
grant update (name, settings) on public.projects to motif_api;
grant insert (project_id, user_id, role), update (role) on public.project_members to motif_api;
grant insert (project_id, kind, name, external_id, visibility, remote_models, retention_days, settings),
  update (name, visibility, remote_models, retention_days, settings) on public.sources to motif_api;
drop policy change on public.interactions;
revoke update on public.interactions from motif_api;

-- Names of models are nobody's secret, but a visitor has no part in the installation at all.
drop policy read on public.embedding_models;
create policy read on public.embedding_models for select to authenticated, motif_api
  using (coalesce((select auth.jwt()) ->> 'is_anonymous', 'false') = 'false' and (select auth.uid()) is not null);

comment on schema motif is 'version 20261120000700';
