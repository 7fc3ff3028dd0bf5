-- name: pattern
-- One pattern, without what is counted.
select p.id, p.project_id, p.name, p.description, p.pattern_type, p.content, p.scope, p.tags, p.confidence, p.status,
       p.validation_status, p.quality_metrics, p.success_criteria, p.superseded_by, p.extraction_method,
       p.extraction_model, p.extraction_confidence, p.visibility, p.version, p.edited, p.context_hash, p.created_by,
       p.created_at, p.updated_at
from public.patterns p where p.id = %(id)s

-- name: pattern_to_change
-- The same, held against others who want to change it. "No key": rows that refer to it need not wait.
select p.id, p.project_id, p.name, p.description, p.pattern_type, p.content, p.scope, p.tags, p.confidence, p.status,
       p.validation_status, p.quality_metrics, p.success_criteria, p.superseded_by, p.extraction_method,
       p.extraction_model, p.extraction_confidence, p.visibility, p.version, p.edited, p.context_hash, p.created_by,
       p.created_at, p.updated_at
from public.patterns p where p.id = %(id)s for no key update

-- name: by_confidence
-- A page of patterns, the most certain first. The first of the two conditions on the cursor is what an index can begin at.
select p.id, p.project_id, p.name, p.description, p.pattern_type, p.scope, p.tags, p.confidence, p.status,
       p.validation_status, p.extraction_method, p.visibility, p.version, p.superseded_by, p.created_at, p.updated_at
from public.patterns p
where (%(project_id)s::uuid is null or p.project_id = %(project_id)s)
  and (%(status)s::text is null or p.status = %(status)s)
  and (%(pattern_type)s::text is null or p.pattern_type = %(pattern_type)s)
  and (%(extraction_method)s::text is null or p.extraction_method = %(extraction_method)s)
  and (%(validation_status)s::text is null or p.validation_status = %(validation_status)s)
  and (%(min_confidence)s::real is null or p.confidence >= %(min_confidence)s::real)
  and (%(updated_after)s::timestamptz is null or p.updated_at > %(updated_after)s)
  and (%(name)s::text is null or strpos(lower(p.name), lower(%(name)s)) > 0)
  and p.tags @> %(tags)s::text[]
  and (%(last)s::uuid is null or p.confidence <= %(first)s::real)
  and (%(last)s::uuid is null or p.confidence < %(first)s::real or p.id > %(last)s::uuid)
order by p.confidence desc, p.id
limit %(limit)s

-- name: by_updated
-- A page of patterns, those changed last first.
select p.id, p.project_id, p.name, p.description, p.pattern_type, p.scope, p.tags, p.confidence, p.status,
       p.validation_status, p.extraction_method, p.visibility, p.version, p.superseded_by, p.created_at, p.updated_at
from public.patterns p
where (%(project_id)s::uuid is null or p.project_id = %(project_id)s)
  and (%(status)s::text is null or p.status = %(status)s)
  and (%(pattern_type)s::text is null or p.pattern_type = %(pattern_type)s)
  and (%(extraction_method)s::text is null or p.extraction_method = %(extraction_method)s)
  and (%(validation_status)s::text is null or p.validation_status = %(validation_status)s)
  and (%(min_confidence)s::real is null or p.confidence >= %(min_confidence)s::real)
  and (%(updated_after)s::timestamptz is null or p.updated_at > %(updated_after)s)
  and (%(name)s::text is null or strpos(lower(p.name), lower(%(name)s)) > 0)
  and p.tags @> %(tags)s::text[]
  and (%(last)s::uuid is null or p.updated_at <= %(first)s::timestamptz)
  and (%(last)s::uuid is null or p.updated_at < %(first)s::timestamptz or p.id > %(last)s::uuid)
order by p.updated_at desc, p.id
limit %(limit)s

-- name: stats
-- How a pattern has fared; the last 30 days are what a match's recent performance is made of.
select s.match_count, s.usage_count, s.success_rate, s.last_matched_at, s.validation_count, s.contradiction_count,
       recent.usage_count as recent_usage_count, recent.performance::real as recent_performance
from public.pattern_stats s
cross join lateral (
  select count(*) as usage_count, avg(u.performance_score) as performance
  from public.pattern_usage u
  where u.project_id = s.project_id and u.pattern_id = s.pattern_id
    and u.started_at between now() - interval '30 days' and now()
) recent
where s.project_id = %(project_id)s and s.pattern_id = %(id)s

-- name: evidence
-- A page of the quotes that a pattern rests on, oldest first.
select e.id, e.version, e.interaction_id, i.external_key as source, i.kind, i.revision, i.occurred_at, e.quote,
       e.char_start, e.char_end, e.repository, e.visibility, e.link
from public.pattern_evidence e
join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
where e.project_id = %(project_id)s and e.pattern_id = %(id)s
  and (%(last)s::uuid is null or (i.occurred_at, e.id) > (%(first)s::timestamptz, %(last)s::uuid))
order by i.occurred_at, e.id
limit %(limit)s

-- name: versions
-- A page of a pattern's versions, newest first.
select v.number, v.snapshot, v.baselines, v.status, v.created_by, v.correlation_id, v.created_at
from public.pattern_versions v
where v.project_id = %(project_id)s and v.pattern_id = %(id)s
  and (%(first)s::integer is null or v.number < %(first)s::integer)
order by v.number desc
limit %(limit)s

-- name: relationships
-- A page of what a pattern is related to, the strongest first.
select r.id, r.relationship_type, other.id as pattern_id, other.name, r.source_pattern_id = %(id)s as outgoing,
       r.strength, r.confidence, r.evidence, r.extraction_method
from public.pattern_relationships r
join public.patterns other on other.project_id = r.project_id
  and other.id = case when r.source_pattern_id = %(id)s then r.target_pattern_id else r.source_pattern_id end
where r.project_id = %(project_id)s and (r.source_pattern_id = %(id)s or r.target_pattern_id = %(id)s)
  and (%(last)s::uuid is null or r.strength < %(first)s::real
       or r.strength = %(first)s::real and r.id > %(last)s::uuid)
order by r.strength desc, r.id
limit %(limit)s
