-- name: left
-- What is left of some budgets today and this month: null where there is no limit. Those that were never named are left
-- out, and of those with a limit for neither there is a row all the same.
select b.key as budget, t.period, t.limit_nusd,
       t.limit_nusd - coalesce(p.settled_nusd, 0) - coalesce(p.reserved_nusd, 0) as left_nusd
from public.budgets b
cross join lateral (values
  ('day', (now() at time zone 'utc')::date, b.day_limit_nusd),
  ('month', date_trunc('month', (now() at time zone 'utc'))::date, b.month_limit_nusd)) as t (period, starts_on, limit_nusd)
left join public.budget_periods p on p.budget_id = b.id and p.period = t.period and p.starts_on = t.starts_on
where b.key = any(%(keys)s)
order by b.key, t.period

-- name: attempts
-- Every call that was made for an interaction, in their order.
select l.task_type, l.importance, l.attempt, l.reason, l.vendor, l.model_asked, l.model_answered, l.place, l.host,
       l.input_tokens, l.output_tokens, l.reserved_nusd, l.cost_nusd, l.estimated, l.latency_ms, l.result, l.bytes_out,
       l.redactions, l.created_at
from public.ledger l
where l.interaction_id = %(interaction_id)s and l.project_id = %(project_id)s
order by l.created_at, l.id

-- name: may_read_costs
-- Whether the transaction's caller reads the ledger of a project: its admins and operators.
select motif.is_operator() or %(project_id)s in (select motif.my_projects(array['admin'])) as allowed

-- name: source
-- Sources that the caller sees, by id, name or external id.
select s.id, s.project_id, s.name from public.sources s
where s.id::text = lower(%(given)s) or s.name = %(given)s or s.external_id = %(given)s
order by s.name, s.id limit 3
