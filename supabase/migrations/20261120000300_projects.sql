-- Tenants: projects, who belongs to them, where their interactions come from; and the audit of what was changed.

create table public.projects (
  id uuid primary key default gen_random_uuid(),
  name text not null check (char_length(name) between 1 and 200),
  created_by uuid references auth.users (id) on delete set null,
  settings jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- Per person, not per installation: a global rule would tell one tenant the names of another's projects.
  unique (created_by, name)
);

create table public.project_members (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role text not null default 'member' check (role in ('admin', 'member', 'viewer')),
  created_at timestamptz not null default now(),
  unique (project_id, id),
  unique (project_id, user_id)
);
create index project_members_user on public.project_members (user_id, project_id);

create table public.sources (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  kind text not null check (kind in ('repository', 'folder', 'chat', 'import')),
  name text not null check (char_length(name) between 1 and 500),
  external_id text not null check (char_length(external_id) between 1 and 500),
  visibility text not null default 'private' check (visibility in ('public', 'private')),
  remote_models text not null default 'deny' check (remote_models in ('allow', 'deny')),
  retention_days integer check (retention_days > 0),
  settings jsonb not null default '{}',
  created_at timestamptz not null default now(),
  unique (project_id, id),
  unique (project_id, kind, external_id)
);

-- Installation-level where project_id is null. Append-only: triggers refuse anything else, whoever asks. No foreign key,
-- because the audit outlives its project: who removed it is not to be removed along with it.
create table public.audit (
  id uuid primary key default gen_random_uuid(),
  project_id uuid,
  actor text not null,
  action text not null,
  target text not null default '',
  details jsonb not null default '{}',
  created_at timestamptz not null default now(),
  unique (project_id, id)
);

-- Membership. Security definer because the policies of project_members itself rest on it.
create function motif.my_projects() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select project_id from public.project_members where user_id = (select auth.uid())
$$;

create function motif.my_projects(roles text[]) returns setof uuid
language sql stable security definer set search_path = '' as $$
  select project_id from public.project_members where user_id = (select auth.uid()) and role = any (roles)
$$;

-- The service may ask whether a person exists, not who there is.
create function motif.user_exists(person uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from auth.users where id = person)
$$;

revoke all on function motif.my_projects(), motif.my_projects(text[]), motif.user_exists(uuid) from public;
grant execute on function motif.user_exists(uuid) to service_role;
grant execute on function motif.my_projects() to authenticated, motif_api, service_role;
grant execute on function motif.my_projects(text[]) to authenticated, motif_api, service_role;
grant usage on schema motif to authenticated, motif_api;

create function motif.touch_updated_at() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.updated_at := now();
  return new;
end
$$;
create trigger projects_touch before update on public.projects for each row execute function motif.touch_updated_at();

create function motif.refuse_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;
create trigger audit_append_only before update or delete on public.audit
  for each row execute function motif.refuse_change();
create trigger audit_never_emptied before truncate on public.audit
  for each statement execute function motif.refuse_change();

alter table public.projects enable row level security;
alter table public.project_members enable row level security;
alter table public.sources enable row level security;
alter table public.audit enable row level security;

revoke all on public.projects, public.project_members, public.sources, public.audit from public, anon, authenticated, service_role;
grant select on public.projects, public.project_members, public.sources to authenticated;
grant select, insert, update, delete on public.projects, public.project_members, public.sources to motif_api, service_role;
grant select, insert on public.audit to motif_api;
grant select, insert on public.audit to service_role;

create policy read on public.projects for select to authenticated, motif_api
  using (id in (select motif.my_projects()));
create policy change on public.projects for update to motif_api
  using (id in (select motif.my_projects(array['admin']))) with check (id in (select motif.my_projects(array['admin'])));
create policy remove on public.projects for delete to motif_api
  using (id in (select motif.my_projects(array['admin'])));

create policy read on public.project_members for select to authenticated, motif_api
  using (project_id in (select motif.my_projects()));
create policy add on public.project_members for insert to motif_api
  with check (project_id in (select motif.my_projects(array['admin'])));
create policy change on public.project_members for update to motif_api
  using (project_id in (select motif.my_projects(array['admin'])))
  with check (project_id in (select motif.my_projects(array['admin'])));
create policy remove on public.project_members for delete to motif_api
  using (project_id in (select motif.my_projects(array['admin'])));

create policy read on public.sources for select to authenticated, motif_api
  using (project_id in (select motif.my_projects()));
-- Opening a source to remote models or to other repositories is for admins.
create policy add on public.sources for insert to motif_api
  with check (project_id in (select motif.my_projects(array['admin', 'member']))
              and (remote_models = 'deny' and visibility = 'private'
                   or project_id in (select motif.my_projects(array['admin']))));
create policy change on public.sources for update to motif_api
  using (project_id in (select motif.my_projects(array['admin'])))
  with check (project_id in (select motif.my_projects(array['admin'])));
create policy remove on public.sources for delete to motif_api
  using (project_id in (select motif.my_projects(array['admin'])));

create policy read on public.audit for select to motif_api
  using (project_id in (select motif.my_projects(array['admin'])));
create policy add on public.audit for insert to motif_api
  with check (project_id in (select motif.my_projects()));
