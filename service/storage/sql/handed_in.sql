-- name: source
-- A source of a project.
select id, kind, name, visibility from public.sources where project_id = %(project_id)s and id = %(id)s

-- name: of_key
-- A revision as its lists show it, and whether it has this text.
select i.id, i.project_id, i.source_id, i.kind, i.external_key, i.revision, i.author_key, i.occurred_at, i.state,
       i.attempts, i.error, i.created_at, i.processed_at, i.text = %(text)s as same
from public.interactions i
where i.project_id = %(project_id)s and i.source_id = %(source_id)s and i.external_key = %(external_key)s
  and i.revision = %(revision)s

-- name: page
-- A page of interactions, those that came last first.
select i.id, i.project_id, i.source_id, i.kind, i.external_key, i.revision, i.author_key, i.occurred_at, i.state,
       i.attempts, i.error, i.created_at, i.processed_at
from public.interactions i
where (%(project_id)s::uuid is null or i.project_id = %(project_id)s)
  and (%(source_id)s::uuid is null or i.source_id = %(source_id)s)
  and (%(kind)s::text is null or i.kind = %(kind)s)
  and (%(state)s::text is null or i.state = %(state)s)
  and (%(last)s::uuid is null or (i.created_at, i.id) < (%(moment)s::timestamptz, %(last)s::uuid))
order by i.created_at desc, i.id desc
limit %(limit)s

-- name: details
-- One interaction; what a team client wrote is not told before its secrets are taken out.
select i.id, i.project_id, i.source_id, i.kind, i.external_key, i.revision, i.author_key, i.occurred_at, i.state,
       i.attempts, i.error, i.created_at, i.processed_at,
       case when i.redacted then i.text end as text, case when i.redacted then i.metadata end as metadata
from public.interactions i where i.id = %(id)s

-- name: resting
-- The patterns that an interaction is evidence of.
select p.id, p.name, p.status, count(*) as quotes
from public.pattern_evidence e
join public.patterns p on p.project_id = e.project_id and p.id = e.pattern_id
where e.project_id = %(project_id)s and e.interaction_id = %(id)s
group by p.id
order by p.name, p.id
limit 200
