-- What whoever reads the ledger may ask about what was paid for. Reads only, and tells no content.

-- What whoever reads the ledger may know of what the calls were for, and nothing of what it says: which of the
-- interactions are pull requests, and how many tasks would have gone to a commercial model had their source allowed it.
create function motif.pull_requests_called(first_day date, last_day date, only_project uuid) returns setof uuid
language sql stable security definer set search_path = '' as $$
  select i.id from public.interactions i
  where i.kind = 'pull_request'
    and i.id in (select l.interaction_id from public.ledger l
                 where l.day between first_day and last_day and (only_project is null or l.project_id = only_project))
    and (motif.is_service() or motif.is_operator() or i.project_id in (select motif.my_projects(array['admin'])))
$$;
create function motif.count_held_back(first_day date, last_day date, only_project uuid) returns bigint
language sql stable security definer set search_path = '' as $$
  select count(*) from public.tasks t
  where t.held_back and (t.created_at at time zone 'utc')::date between first_day and last_day
    and (only_project is null or t.project_id = only_project)
    and (motif.is_service() or motif.is_operator() or t.project_id in (select motif.my_projects(array['admin'])))
$$;
revoke all on function motif.pull_requests_called(date, date, uuid), motif.count_held_back(date, date, uuid)
  from public, anon, authenticated, service_role;
grant execute on function motif.pull_requests_called(date, date, uuid), motif.count_held_back(date, date, uuid)
  to motif_api, service_role;

comment on schema motif is 'version 20261120001600';
