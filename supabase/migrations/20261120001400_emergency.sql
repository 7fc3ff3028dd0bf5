-- What models answered, kept and forgotten; and interactions that cannot wait.

-- A pattern that goes takes along what was kept of a model's answer about the interactions that showed it.
create function motif.forget_answers() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from public.tasks t using public.pattern_evidence e
  where e.project_id = old.project_id and e.pattern_id = old.id
    and t.project_id = e.project_id and t.interaction_id = e.interaction_id
    and t.answer is not null and t.decision <> 'builtin';
  return old;
end
$$;
create trigger patterns_take_answers before delete on public.patterns
  for each row execute function motif.forget_answers();
revoke all on function motif.forget_answers() from public, anon, authenticated, service_role;

-- As before, but that an emergency goes before everything else except the sweep.
create or replace function motif.defer_interactions(ids uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
declare
  batch jobs.procrastinate_job_to_defer_v1[];
  p record;
begin
  with waiting as materialized (
    select n.id, n.project_id, n.priority, n.emergency, n.created_at, n.occurred_at
    from unnest(ids) as given (id) join public.interactions n on n.id = given.id
    where n.kind <> 'commit' and n.state = 'received'
  ), placed as (
    select w.*, row_number() over (partition by w.project_id, w.priority order by w.created_at, w.occurred_at, w.id) - 1
                as place
    from waiting w
  ), before as materialized (
    -- What is open besides these. Places are told apart up to 999, so no more than that need be counted.
    select g.project_id, g.priority,
           (select count(*) from (
              select from public.interactions o
              where o.project_id = g.project_id and o.priority = g.priority and o.kind <> 'commit'
                and o.state in ('received', 'processing') limit 999 + g.size) as counted) - g.size as open
    from (select w.project_id, w.priority, count(*) as size from waiting w group by w.project_id, w.priority) g
  )
  select array_agg(row('motif', 'process_interaction',
                       motif.job_priority(n.priority, b.open + n.place) + case when n.emergency then 5000 else 0 end,
                       'interaction:' || n.id, null, jsonb_build_object('interaction_id', n.id), null)
                   ::jobs.procrastinate_job_to_defer_v1
                   order by n.created_at, n.occurred_at, n.id) into batch
  from placed n join before b on b.project_id = n.project_id and b.priority = n.priority;
  if batch is not null then
    perform jobs.procrastinate_defer_jobs_v1(batch);
  end if;

  for p in
    select n.project_id, max(motif.job_priority(n.priority, 0)) as urgency
    from unnest(ids) as given (id) join public.interactions n on n.id = given.id
    where n.kind = 'commit' and n.state = 'received'
    group by n.project_id order by n.project_id
  loop
    perform motif.defer_learning(p.project_id, p.urgency, null);
  end loop;
end
$$;

comment on schema motif is 'version 20261120001400';
