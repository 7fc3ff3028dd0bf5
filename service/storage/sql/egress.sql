-- name: page
-- Calls that left this machine, the newest first: to commercial models, and to local ones on another machine.
select l.id, l.created_at, l.project_id, l.source_id, s.name as source, l.interaction_id, l.task_type, l.vendor, l.host,
       l.model_asked, l.model_answered, l.place, l.bytes_out, l.redactions, l.request_hash, l.reason, l.result
from public.ledger l left join public.sources s on s.id = l.source_id
where l.day between %(first)s and %(last)s and (%(project_id)s::uuid is null or l.project_id = %(project_id)s)
  and (l.place = 'commercial' or l.host !~ %(loopback)s)
  and (%(after_time)s::timestamptz is null or (l.created_at, l.id) < (%(after_time)s, %(after_id)s::uuid))
order by l.created_at desc, l.id desc
limit %(limit)s

-- name: totals
-- The same altogether, by where it went.
select l.vendor, l.host, l.place, count(*) as calls, coalesce(sum(l.bytes_out), 0)::bigint as bytes_out,
       coalesce(sum(l.redactions), 0)::bigint as redactions
from public.ledger l
where l.day between %(first)s and %(last)s and (%(project_id)s::uuid is null or l.project_id = %(project_id)s)
  and (l.place = 'commercial' or l.host !~ %(loopback)s)
group by l.vendor, l.host, l.place
order by l.place, bytes_out desc, l.vendor, l.host
limit 100
