-- name: sums
-- What calls cost in a range of days: altogether, and broken down in every way at once, so that each sums to the same.
-- `grouping` has a bit for each column, the first the highest; 0 where the row is of that column's breakdown.
select grouping(l.day, l.vendor, l.model, l.task_type, l.project_id, l.source_id, l.place, l.result) as part,
       l.day, l.vendor, l.model, l.task_type, l.project_id, l.source_id, l.place, l.result,
       count(*) as calls,
       count(*) filter (where l.result = 'ok') as answered,
       count(*) filter (where l.estimated) as estimated_calls,
       coalesce(sum(l.cost_nusd), 0)::bigint as cost_nusd,
       coalesce(sum(l.cost_nusd) filter (where l.estimated), 0)::bigint as estimated_nusd,
       coalesce(sum(l.cost_nusd) filter (where l.result <> 'ok'), 0)::bigint as failed_nusd,
       coalesce(sum(l.input_tokens), 0)::bigint as input_tokens,
       coalesce(sum(l.cache_read_tokens), 0)::bigint as cache_read_tokens,
       coalesce(sum(l.cache_write_tokens), 0)::bigint as cache_write_tokens,
       coalesce(sum(l.output_tokens), 0)::bigint as output_tokens,
       coalesce(sum(l.latency_ms), 0)::bigint as latency_ms
from (select e.*, e.vendor || '/' || coalesce(e.model_answered, e.model_asked) as model from public.ledger e
      where e.day between %(first)s and %(last)s
        and (%(project_id)s::uuid is null or e.project_id = %(project_id)s)) l
group by grouping sets ((), (l.day), (l.vendor), (l.model), (l.task_type), (l.project_id),
                        (l.project_id, l.source_id), (l.place), (l.result))

-- name: names
-- The names of projects and sources, as far as the caller may know them.
select p.id, p.name from public.projects p where p.id = any (%(ids)s)
union all
select s.id, s.name from public.sources s where s.id = any (%(ids)s)

-- name: days
-- What each day cost, from the month's first or a week ago, whichever is earlier; and when the ledger begins.
select l.day, count(*) as calls, sum(l.cost_nusd)::bigint as cost_nusd,
       coalesce(sum(l.cost_nusd) filter (where l.estimated), 0)::bigint as estimated_nusd
from public.ledger l
where l.day between %(first)s and %(last)s and (%(project_id)s::uuid is null or l.project_id = %(project_id)s)
group by l.day order by l.day

-- name: first_day
-- When the ledger begins.
select min(l.day) as day from public.ledger l where %(project_id)s::uuid is null or l.project_id = %(project_id)s

-- name: pull_requests
-- What pull requests cost, each with all calls made for it in the range; named as far as the caller may know them.
with each as (
  select l.interaction_id, l.project_id, count(*) as calls, sum(l.cost_nusd)::bigint as cost_nusd
  from public.ledger l
  where l.day between %(first)s and %(last)s and (%(project_id)s::uuid is null or l.project_id = %(project_id)s)
    and l.interaction_id in (select motif.pull_requests_called(%(first)s, %(last)s, %(project_id)s))
  group by l.interaction_id, l.project_id)
select count(*) as pull_requests, coalesce(sum(e.cost_nusd), 0)::bigint as cost_nusd,
       percentile_disc(0.5) within group (order by e.cost_nusd) as median_nusd,
       percentile_disc(0.9) within group (order by e.cost_nusd) as p90_nusd,
       (select coalesce(jsonb_agg(to_jsonb(d) order by d.cost_nusd desc, d.interaction_id), '[]')
        from (select o.*, i.external_key, s.name as source
              from (select * from each e order by e.cost_nusd desc, e.interaction_id limit 10) o
              left join public.interactions i on i.id = o.interaction_id
              left join public.sources s on s.id = i.source_id) d) as dearest
from each e

-- name: validated
-- Tokens of the tasks whose answers stood, by tiers of the baseline's price, and what all attempts at tasks cost.
select width_bucket(l.input_tokens, %(starts)s::bigint[]) as tier,
       count(*) filter (where l.result = 'ok') as tasks,
       coalesce(sum(l.input_tokens) filter (where l.result = 'ok'), 0)::bigint as input_tokens,
       coalesce(sum(l.cache_read_tokens) filter (where l.result = 'ok'), 0)::bigint as cache_read_tokens,
       coalesce(sum(l.cache_write_tokens) filter (where l.result = 'ok'), 0)::bigint as cache_write_tokens,
       coalesce(sum(l.output_tokens) filter (where l.result = 'ok'), 0)::bigint as output_tokens,
       coalesce(sum(l.cost_nusd), 0)::bigint as cost_nusd,
       coalesce(sum(l.cost_nusd) filter (where l.result <> 'ok'), 0)::bigint as failed_nusd,
       coalesce(sum(l.latency_ms) filter (where l.place = 'local'), 0)::bigint as local_ms
from public.ledger l
where l.day between %(first)s and %(last)s and (%(project_id)s::uuid is null or l.project_id = %(project_id)s)
  and l.task_type = any (%(task_types)s)
group by 1 order by 1

-- name: budgets
-- Each budget with what is settled and held of it today and this month.
select b.key, p.name as project, b.day_limit_nusd, b.month_limit_nusd,
       coalesce(d.settled_nusd, 0) as day_settled_nusd, coalesce(d.reserved_nusd, 0) as day_held_nusd,
       coalesce(m.settled_nusd, 0) as month_settled_nusd, coalesce(m.reserved_nusd, 0) as month_held_nusd
from public.budgets b
left join public.projects p on p.id = b.project_id
left join public.budget_periods d on d.budget_id = b.id and d.period = 'day' and d.starts_on = %(today)s
left join public.budget_periods m
  on m.budget_id = b.id and m.period = 'month' and m.starts_on = date_trunc('month', %(today)s::timestamp)::date
where %(project_id)s::uuid is null or b.project_id is null or b.project_id = %(project_id)s
order by array_position(array['total', 'emergency', 'vendor', 'project'], b.kind), b.key
limit 200

-- name: today
-- The day that it is, in UTC, by the clock that dates the ledger.
select (now() at time zone 'utc')::date as day

-- name: held_back
-- How many tasks of the range a commercial model would have got, had their source allowed that.
select motif.count_held_back(%(first)s, %(last)s, %(project_id)s) as tasks

-- name: ledger_days
-- What commercial calls of some vendors cost, by day and model, to hold a bill against.
select l.day, l.vendor, coalesce(l.model_answered, l.model_asked) as model, count(*) as calls,
       sum(l.cost_nusd)::bigint as cost_nusd, sum(l.input_tokens)::bigint as input_tokens,
       sum(l.output_tokens)::bigint as output_tokens
from public.ledger l
where l.day between %(first)s and %(last)s and l.vendor = any (%(vendors)s) and l.place = 'commercial'
group by 1, 2, 3 order by 1, 2, 3

-- name: past_tasks
-- Tasks that a model was asked to do, the newest first, each with all of its attempts; what its source allows now.
-- An attempt numbered 1 begins another run: the ledger holds calls, and does not name the task that they are for.
with called as (
  select l.*, count(*) filter (where l.attempt = 1) over (
           partition by l.interaction_id, l.task_type, l.complexity, l.importance order by l.created_at, l.id) as run
  from public.ledger l
  where l.day between %(first)s and %(last)s and (%(project_id)s::uuid is null or l.project_id = %(project_id)s)
    and l.task_type = any (%(task_types)s) and l.complexity is not null)
select c.task_type, c.importance, c.complexity, min(c.created_at) as began_at, c.source_id,
       s.remote_models, s.remote_vendors,
       max(c.bytes_out) as bytes_out, max(c.input_tokens) as input_tokens,
       coalesce(max(c.output_tokens) filter (where c.result = 'ok'), max(c.output_tokens)) as output_tokens,
       sum(c.cost_nusd)::bigint as cost_nusd, bool_or(c.result = 'ok') as stood, count(*) as attempts,
       min(c.request_hash) as input_hash,
       coalesce(array_agg(distinct c.vendor) filter (where c.place = 'commercial'), '{}') as seen_by
from called c left join public.sources s on s.id = c.source_id
group by c.interaction_id, c.task_type, c.complexity, c.importance, c.run, c.source_id, s.remote_models, s.remote_vendors
order by began_at desc
limit %(limit)s

-- name: models_asked
-- Every model that was asked, and the most that it read at once.
select l.vendor, l.model_asked as model, l.place, max(l.input_tokens) as most_input_tokens
from public.ledger l
where l.day between %(first)s and %(last)s and (%(project_id)s::uuid is null or l.project_id = %(project_id)s)
  and l.task_type = any (%(task_types)s)
group by 1, 2, 3 order by 1, 2, 3

-- name: never_asked
-- Tasks of the range that no model was asked to do.
select count(*) as tasks from public.tasks t
where t.decision = 'builtin' and t.complexity is not null and t.attempts = 0
  and (t.created_at at time zone 'utc')::date between %(first)s and %(last)s
  and (%(project_id)s::uuid is null or t.project_id = %(project_id)s)
