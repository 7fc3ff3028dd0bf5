-- The audience of a match: what rests on a private source's evidence is answered in that source alone.

-- Ids of the sources whose private evidence a pattern rests on, or rested on: its words come from there, so evidence that
-- goes opens nothing. The nil id is no source's: private because whoever wrote the pattern says so.
alter table public.patterns add column private_to uuid[] not null default '{00000000-0000-0000-0000-000000000000}';
alter table public.pattern_embeddings
  add column private_to uuid[] not null default '{00000000-0000-0000-0000-000000000000}';

alter table public.pattern_evidence disable trigger user;
alter table public.patterns disable trigger user;
update public.pattern_evidence e set visibility = s.visibility
from public.interactions i
join public.sources s on s.project_id = i.project_id and s.id = i.source_id
where i.project_id = e.project_id and i.id = e.interaction_id and e.visibility <> s.visibility;
update public.patterns p set private_to = r.sources
from (
  select e.project_id, e.pattern_id, array_agg(distinct i.source_id) as sources
  from public.pattern_evidence e
  join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
  where e.visibility = 'private'
  group by e.project_id, e.pattern_id
) r
where p.project_id = r.project_id and p.id = r.pattern_id;
update public.patterns p set private_to = '{}'
where visibility = 'public' and private_to = '{00000000-0000-0000-0000-000000000000}';
update public.patterns set visibility = case when private_to = '{}' then 'public' else 'private' end
where visibility <> case when private_to = '{}' then 'public' else 'private' end;
alter table public.patterns enable trigger user;
alter table public.pattern_evidence enable trigger user;
update public.pattern_embeddings e set private_to = p.private_to
from public.patterns p where p.project_id = e.project_id and p.id = e.pattern_id;

-- visibility and private_to say the same; what somebody sets is followed where it does not open a source.
create function motif.keep_visibility() returns trigger
language plpgsql set search_path = '' as $$
declare
  nobody constant uuid[] := '{00000000-0000-0000-0000-000000000000}';
begin
  if tg_op = 'INSERT' then
    new.private_to := case new.visibility when 'public' then '{}' else nobody end;
  elsif new.private_to = old.private_to and new.visibility <> old.visibility then
    new.private_to := case when new.visibility = 'private' then nobody
                           when old.private_to = nobody then '{}'
                           else old.private_to end;
  end if;
  new.visibility := case when new.private_to = '{}' then 'public' else 'private' end;
  return new;
end
$$;
create trigger patterns_keep_visibility before insert or update of visibility, private_to on public.patterns
  for each row execute function motif.keep_visibility();

-- Evidence is as visible as its source, whatever its writer says, and a pattern as the strictest of it. The project's
-- lock keeps a source from being closed or opened between the two looks.
create function motif.follow_evidence() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  project uuid;
begin
  for project in select distinct n.project_id from inserted n order by n.project_id loop
    perform motif.lock_project(project);
  end loop;
  update public.pattern_evidence e set visibility = s.visibility
  from inserted n
  join public.interactions i on i.project_id = n.project_id and i.id = n.interaction_id
  join public.sources s on s.project_id = i.project_id and s.id = i.source_id
  where e.project_id = n.project_id and e.id = n.id and e.visibility <> s.visibility;
  update public.patterns p
  set private_to = array(select distinct source
                         from unnest(p.private_to || r.sources) as source
                         where source <> '00000000-0000-0000-0000-000000000000' order by source)
  from (
    select n.project_id, n.pattern_id, array_agg(distinct s.id) as sources
    from inserted n
    join public.interactions i on i.project_id = n.project_id and i.id = n.interaction_id
    join public.sources s on s.project_id = i.project_id and s.id = i.source_id
    where s.visibility = 'private'
    group by n.project_id, n.pattern_id
  ) r
  where p.project_id = r.project_id and p.id = r.pattern_id
    and not (p.private_to @> r.sources and '00000000-0000-0000-0000-000000000000' <> all (p.private_to));
  return null;
end
$$;
create trigger pattern_evidence_visibility after insert on public.pattern_evidence
  referencing new table as inserted for each statement execute function motif.follow_evidence();

create function motif.follow_source() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform motif.lock_project(new.project_id);
  update public.pattern_evidence e set visibility = new.visibility
  from public.interactions i
  where i.project_id = new.project_id and i.source_id = new.id
    and e.project_id = i.project_id and e.interaction_id = i.id and e.visibility <> new.visibility;
  if new.visibility = 'public' then
    update public.patterns p set private_to = array_remove(p.private_to, new.id)
    where p.project_id = new.project_id and new.id = any (p.private_to);
  else
    update public.patterns p
    set private_to = array(select source from unnest(p.private_to || new.id) as source order by source)
    where p.project_id = new.project_id and new.id <> all (p.private_to)
      and exists (select from public.pattern_evidence e
                  join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
                  where e.project_id = p.project_id and e.pattern_id = p.id and i.source_id = new.id);
  end if;
  return null;
end
$$;
create trigger sources_visibility after update on public.sources
  for each row when (old.visibility <> new.visibility) execute function motif.follow_source();

-- What filters a match stands beside the vector: private_to does too.
create or replace function motif.follow_pattern() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.pattern_embeddings e
  set pattern_type = new.pattern_type, status = new.status, tags = new.tags,
      quality = motif.quality_score(new.quality_metrics, new.confidence), private_to = new.private_to
  where e.project_id = new.project_id and e.pattern_id = new.id;
  return null;
end
$$;
drop trigger patterns_follow on public.patterns;
create trigger patterns_follow after update on public.patterns
  for each row when ((old.pattern_type, old.status, old.tags, old.quality_metrics, old.confidence, old.private_to)
                     is distinct from
                     (new.pattern_type, new.status, new.tags, new.quality_metrics, new.confidence, new.private_to))
  execute function motif.follow_pattern();

revoke all on function motif.keep_visibility(), motif.follow_evidence(), motif.follow_source()
  from public, anon, authenticated, service_role;
grant execute on function motif.keep_visibility() to motif_api, service_role;

comment on schema motif is 'version 20261120000900';
