-- What comes of patterns: usage and validations feed the statistics, people and recurrence decide the status.

-- A caller speaks for itself without saying so, and what it used is the version that stands there.
alter table public.pattern_usage alter column user_id set default auth.uid();
alter table public.pattern_validations alter column validator_id set default auth.uid();
alter table public.pattern_validations alter column validated_by set default 'user';
alter table public.pattern_stats add column success_points double precision not null default 0
  check (success_points >= 0);
comment on column public.pattern_stats.success_points is 'Usages: a successful one counts 1, a partial one .5.';

alter table public.patterns add column edited boolean not null default false,
  add column decided boolean not null default false;
comment on column public.patterns.edited is 'Somebody changed what it says: extractors only add evidence from then on.';
comment on column public.patterns.decided is 'Somebody set its status: only somebody changes it from then on.';

-- Lists go on where the page before ended.
create index patterns_by_confidence on public.patterns (project_id, confidence desc, id);
create index patterns_by_update on public.patterns (project_id, updated_at desc, id);
create index interactions_by_arrival on public.interactions (project_id, created_at, id);

revoke insert on public.pattern_usage, public.pattern_validations from authenticated, motif_api;
grant insert (project_id, pattern_id, idempotency_key, session_id, context, outcome, duration_ms, quality_results,
              performance_score, effectiveness_score, error, user_id, started_at)
  on public.pattern_usage to authenticated, motif_api;
grant insert (project_id, pattern_id, validation_type, result, evidence, validated_by, validator_id, confidence)
  on public.pattern_validations to authenticated, motif_api;

drop policy add on public.pattern_usage;
create policy add on public.pattern_usage for insert to authenticated, motif_api
  with check (project_id in (select motif.my_projects(array['admin', 'member'])) and user_id = (select auth.uid())
              and started_at between now() - interval '1 year' and now() + interval '5 minutes');
-- What an agent finds is a model's word, not its maker's.
drop policy add on public.pattern_validations;
create policy add on public.pattern_validations for insert to authenticated, motif_api
  with check (project_id in (select motif.my_projects(array['admin', 'member'])) and validator_id = (select auth.uid())
              and validated_by = case when (select motif.is_person()) then 'user' else 'llm' end);

create function motif.note_version_used() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  new.version := coalesce(new.version, (select p.version from public.patterns p
                                        where p.project_id = new.project_id and p.id = new.pattern_id));
  return new;
end
$$;
create trigger pattern_usage_version before insert on public.pattern_usage
  for each row execute function motif.note_version_used();

create function motif.count_usage() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.pattern_stats as s (project_id, pattern_id, usage_count, success_points, success_rate)
  select u.project_id, u.pattern_id, count(*), sum(u.points), avg(u.points)
  from (select project_id, pattern_id,
               case outcome when 'successful' then 1 when 'partial' then .5 else 0 end::double precision as points
        from inserted) u
  group by u.project_id, u.pattern_id
  order by u.project_id, u.pattern_id  -- two who count several at once must meet in one order
  on conflict (project_id, pattern_id) do update
  set usage_count = s.usage_count + excluded.usage_count,
      success_points = s.success_points + excluded.success_points,
      success_rate = least(1, (s.success_points + excluded.success_points) / (s.usage_count + excluded.usage_count));
  return null;
end
$$;
create trigger pattern_usage_count after insert on public.pattern_usage
  referencing new table as inserted for each statement execute function motif.count_usage();

-- Also for a pattern whose first usage makes its row of statistics.
create trigger pattern_stats_follow_first after insert on public.pattern_stats
  for each row when (new.success_rate is not null) execute function motif.follow_stats();

-- Each validator's last word counts, so that nobody outvotes the others by repeating themselves.
create function motif.count_validations() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  p record;
begin
  for p in select distinct project_id, pattern_id from inserted order by project_id, pattern_id loop
    -- Not "for update": it would wait for the key share that every validation's foreign key holds, and two at once for
    -- each other.
    perform from public.patterns where project_id = p.project_id and id = p.pattern_id for no key update;
    with said as (
      select distinct on (coalesce(v.validator_id::text || v.validated_by, v.id::text)) v.result
      from public.pattern_validations v
      where v.project_id = p.project_id and v.pattern_id = p.pattern_id
      order by coalesce(v.validator_id::text || v.validated_by, v.id::text), v.created_at desc, v.id desc
    ), votes as (
      select count(*) filter (where result) as good, count(*) filter (where not result) as bad from said
    ), counted as (
      insert into public.pattern_stats (project_id, pattern_id, validation_count, contradiction_count)
      select p.project_id, p.pattern_id, good, bad from votes
      on conflict (project_id, pattern_id) do update
      set validation_count = excluded.validation_count, contradiction_count = excluded.contradiction_count
    )
    update public.patterns set validation_status = v.status
    from (select case when good > bad then 'validated' when bad > good then 'contradicted' else 'pending' end as status
          from votes) v
    where project_id = p.project_id and id = p.pattern_id and validation_status <> v.status;
  end loop;
  return null;
end
$$;
create trigger pattern_validations_count after insert on public.pattern_validations
  referencing new table as inserted for each statement execute function motif.count_validations();

-- proposed -> active by a person or by three independent sources: an agent proposes, and does not put other words under
-- what was decided.
create function motif.refuse_agent() returns trigger
language plpgsql set search_path = '' as $$
begin
  if (select auth.jwt()) ->> 'agent_key' is not null then
    raise exception 'an agent proposes, people decide' using errcode = 'insufficient_privilege';
  end if;
  return new;
end
$$;
create trigger patterns_status_by_person before update on public.patterns
  for each row when (old.status <> new.status) execute function motif.refuse_agent();
create trigger patterns_words_by_person before update of name, description, pattern_type, content, scope, tags,
    quality_metrics, success_criteria, superseded_by on public.patterns
  for each row when (old.status <> 'proposed') execute function motif.refuse_agent();
create trigger patterns_proposed_by_agent before insert on public.patterns
  for each row when (new.status <> 'proposed') execute function motif.refuse_agent();

-- What a pattern is counted and judged by, whose it is and how it was found are not for its editors to set.
revoke update on public.patterns from motif_api;
grant update (name, description, pattern_type, content, scope, tags, status, quality_metrics, success_criteria,
              superseded_by, version, edited, decided) on public.patterns to motif_api;

-- A commit is believed as evidence of a repository: only the service brings one, whichever way the others come in. An
-- author key that is a user's is that user's alone: what they wrote is erased by it.
alter policy add_by_service on public.interactions
  with check (project_id in (select motif.my_projects(array['admin', 'member'])) and kind <> 'commit'
              and (author_key is null or author_key not like 'user:%' or author_key = 'user:' || (select auth.uid())));
alter policy add on public.interactions
  with check (project_id in (select motif.my_projects(array['admin', 'member']))
              and state = 'received' and priority = 'interactive' and attempts = 0 and not redacted
              and kind <> 'commit'
              and (author_key is null or author_key not like 'user:%' or author_key = 'user:' || (select auth.uid())));

-- What a team client hands in without saying whose it is, is its own.
alter table public.interactions alter column author_key set default 'user:' || auth.uid();

-- Who brought it, whatever it says of its author: what an agent hands in shows nothing about how often something recurs.
alter table public.interactions add column handed_in_by text not null default motif.actor();
grant execute on function motif.actor() to authenticated, motif_api, service_role;

-- Links come from what anybody handed in, and are shown to be followed: pages, or names without a scheme such as a sha.
create function motif.drop_odd_link() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.link := null;
  return new;
end
$$;
create trigger pattern_evidence_link before insert or update of link on public.pattern_evidence
  for each row when (new.link !~ '^https?://' and new.link ~ ':') execute function motif.drop_odd_link();

-- Counting is for the triggers above and for the service.
drop policy change on public.pattern_stats;
drop policy add on public.pattern_stats;
create policy add on public.pattern_stats for insert to motif_api
  with check (project_id in (select motif.my_projects(array['admin', 'member'])));
revoke update, delete on public.pattern_stats from motif_api;

revoke all on function motif.note_version_used(), motif.count_usage(), motif.count_validations(),
  motif.refuse_agent(), motif.drop_odd_link() from public;
grant execute on function motif.refuse_agent(), motif.drop_odd_link() to motif_api, service_role;

comment on schema motif is 'version 20261120000800';
