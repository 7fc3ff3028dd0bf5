-- name: create_source
-- A source by its external id; an existing one is returned.
insert into public.sources (project_id, kind, name, external_id)
values (%(project_id)s, %(kind)s, %(name)s, %(external_id)s)
on conflict (project_id, kind, external_id) do update set name = excluded.name
returning id, visibility

-- name: repositories
-- The external ids of a project's repositories.
select external_id, name from public.sources where project_id = %(project_id)s and kind = 'repository' order by name

-- name: add
-- A source that must be new.
insert into public.sources (project_id, kind, name, external_id, visibility, remote_models, remote_vendors,
                            retention_days, settings)
values (%(project_id)s, %(kind)s, %(name)s, %(external_id)s, %(visibility)s, %(remote_models)s, %(remote_vendors)s,
        %(retention_days)s, %(settings)s)
returning id, kind, name, external_id, visibility, remote_models, remote_vendors, retention_days, settings, created_at

-- name: page
-- A page of a project's sources, the oldest first.
select id, kind, name, external_id, visibility, remote_models, remote_vendors, retention_days, settings, created_at
from public.sources
where project_id = %(project_id)s
  and (%(after_time)s::timestamptz is null or (created_at, id) > (%(after_time)s, %(after_id)s::uuid))
order by created_at, id
limit %(limit)s

-- name: one
-- A source of a project.
select id, kind, name, external_id, visibility, remote_models, remote_vendors, retention_days, settings, created_at
from public.sources where project_id = %(project_id)s and id = %(source_id)s

-- name: hold
-- The same, held until the transaction ends.
select id, kind, name, external_id, visibility, remote_models, remote_vendors, retention_days, settings, created_at
from public.sources where project_id = %(project_id)s and id = %(source_id)s for update

-- name: change
-- What an admin may change of a source; where it comes from stays.
update public.sources
set name = %(name)s, visibility = %(visibility)s, remote_models = %(remote_models)s,
    remote_vendors = %(remote_vendors)s, retention_days = %(retention_days)s, settings = %(settings)s
where project_id = %(project_id)s and id = %(source_id)s
returning id, kind, name, external_id, visibility, remote_models, remote_vendors, retention_days, settings, created_at
