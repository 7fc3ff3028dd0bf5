-- The feed is counted in each project by itself: numbers that all projects share tell each of them, by their gaps, how
-- much the others learn.

alter table public.pattern_events drop constraint pattern_events_pkey;
drop index public.pattern_events_feed;
alter table public.pattern_events alter column seq drop identity;
update public.pattern_events e set seq = n.place
from (select project_id, id, row_number() over (partition by project_id order by seq) as place
      from public.pattern_events) n
where e.project_id = n.project_id and e.id = n.id;
alter table public.pattern_events add primary key (project_id, seq);
comment on column public.pattern_events.seq is 'In its project alone, without gaps until something is erased.';

create or replace function motif.record_pattern_event() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  pattern public.patterns := coalesce(new, old);
begin
  -- A project that goes takes its feed along.
  if not exists (select from public.projects where id = pattern.project_id) then
    return null;
  end if;
  -- Held to the commit: nobody else counts meanwhile. An erasure leaves the newest event, so no number comes twice.
  perform motif.lock_project(pattern.project_id);
  insert into public.pattern_events (project_id, seq, pattern_id, kind, version)
  values (pattern.project_id,
          coalesce((select max(e.seq) from public.pattern_events e where e.project_id = pattern.project_id), 0) + 1,
          pattern.id,
          case when tg_op = 'INSERT' then 'created'
               when tg_op = 'DELETE' then 'removed'
               when old.status <> new.status then 'status_changed'
               else 'updated' end,
          pattern.version);
  return null;
end
$$;

comment on schema motif is 'version 20261120001100';
