-- name: states
-- Budgets that the caller may see, with what is settled and held of them today and this month (UTC).
select b.key, b.kind, b.vendor, b.project_id, p.name as project, b.day_limit_nusd, b.month_limit_nusd,
       coalesce(d.settled_nusd, 0) as day_settled_nusd, coalesce(d.reserved_nusd, 0) as day_held_nusd,
       coalesce(m.settled_nusd, 0) as month_settled_nusd, coalesce(m.reserved_nusd, 0) as month_held_nusd
from public.budgets b
cross join lateral (select (now() at time zone 'utc')::date as day) t
left join public.projects p on p.id = b.project_id
left join public.budget_periods d on d.budget_id = b.id and d.period = 'day' and d.starts_on = t.day
left join public.budget_periods m
  on m.budget_id = b.id and m.period = 'month' and m.starts_on = date_trunc('month', t.day::timestamp)::date
order by array_position(array['total', 'emergency', 'vendor', 'project'], b.kind), b.key
limit %(limit)s

-- name: limits
-- A budget's limits.
select b.day_limit_nusd, b.month_limit_nusd from public.budgets b where b.key = %(key)s

-- name: hold_limits
-- The same, held until they are changed.
select b.day_limit_nusd, b.month_limit_nusd from public.budgets b where b.key = %(key)s for update

-- name: set_limits
-- Set a budget's limits; it is made where there is none.
insert into public.budgets (kind, vendor, project_id, day_limit_nusd, month_limit_nusd)
values (%(kind)s, %(vendor)s, %(project_id)s, %(day)s, %(month)s)
on conflict (key) do update set
  day_limit_nusd = excluded.day_limit_nusd, month_limit_nusd = excluded.month_limit_nusd
