-- name: lock_project
-- Held while a project's patterns are written; also what orders its events.
select motif.lock_project(%(project_id)s)

-- name: existing
-- The patterns of a project as consolidation sees them, with the revisions that show each.
select p.id, p.context_hash, p.name, p.description, p.pattern_type, p.content, p.tags, p.scope, p.confidence, p.status,
       p.version, p.extraction_method, p.edited, p.decided,
       coalesce((select array_agg(distinct array[i.external_key, i.revision])
                 from public.pattern_evidence e
                 join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
                 where e.project_id = p.project_id and e.pattern_id = p.id), '{}') as members
from public.patterns p
where p.project_id = %(project_id)s
order by p.context_hash

-- name: insert_patterns
-- New patterns, with an empty row of statistics for each.
with new as (
  insert into public.patterns (id, project_id, name, description, pattern_type, content, scope, tags, confidence, status,
                               context_hash, execution_trace, success_criteria, quality_metrics, performance_data,
                               extraction_method, extraction_model, extraction_confidence, visibility, created_by)
  select r.id, %(project_id)s, r.name, r.description, r.pattern_type, r.content, r.scope, r.tags, r.confidence, r.status,
         r.context_hash, r.execution_trace, r.success_criteria, r.quality_metrics, r.performance_data,
         r.extraction_method, r.extraction_model, r.extraction_confidence, r.visibility, %(created_by)s
  from jsonb_to_recordset(%(rows)s) as r(
    id uuid, name text, description text, pattern_type text, content jsonb, scope text[], tags text[], confidence real,
    status text, context_hash text, execution_trace jsonb, success_criteria jsonb, quality_metrics jsonb,
    performance_data jsonb, extraction_method text, extraction_model text, extraction_confidence real, visibility text)
  returning id
)
insert into public.pattern_stats (project_id, pattern_id, success_rate)
select %(project_id)s, new.id, r.success_rate
from new join jsonb_to_recordset(%(rows)s) as r(id uuid, success_rate real) using (id)

-- name: update_pattern
-- A better content for a pattern that is there: its next version.
update public.patterns
set name = %(name)s, description = %(description)s, pattern_type = %(pattern_type)s, content = %(content)s,
    scope = %(scope)s, tags = %(tags)s, confidence = %(confidence)s,
    status = case when status = 'proposed' and not decided then %(status)s else status end,
    extraction_method = %(extraction_method)s, extraction_model = %(extraction_model)s,
    extraction_confidence = %(extraction_confidence)s, version = version + 1
where project_id = %(project_id)s and id = %(id)s
returning version

-- name: change
-- What somebody changed of a pattern. Its status stays decided once somebody has set it.
update public.patterns
set name = %(name)s, description = %(description)s, pattern_type = %(pattern_type)s, content = %(content)s,
    scope = %(scope)s, tags = %(tags)s, status = %(status)s, quality_metrics = %(quality_metrics)s,
    success_criteria = %(success_criteria)s, superseded_by = %(superseded_by)s, version = %(version)s,
    edited = %(edited)s, decided = decided or %(decided)s
where project_id = %(project_id)s and id = %(id)s
returning id

-- name: activate_recurring
-- Those of some proposed patterns that three independent sources show by now: different interactions with different
-- texts, and never more of them than there are different (author, day) pairs. What an import says of itself is none, and
-- neither is what an agent hands in: it can say that anybody wrote it, at any time.
-- A status that somebody set stays.
update public.patterns p set status = 'active'
where p.project_id = %(project_id)s and p.id = any(%(ids)s) and p.status = 'proposed' and not p.decided
  and 3 <= (
    select least(count(distinct (i.source_id, i.external_key)), count(distinct md5(i.text)),
                 count(distinct (coalesce(i.author_key, ''), (i.occurred_at at time zone 'UTC')::date)))
    from public.pattern_evidence e
    join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
    join public.sources s on s.project_id = i.project_id and s.id = i.source_id
    where e.project_id = p.project_id and e.pattern_id = p.id and s.kind <> 'import' and i.handed_in_by not like 'agent:%%')
returning p.id

-- name: newest_quotes
-- The quotes that lend a pattern their words, as a rebuild of the search tables reads them.
select e.quote from public.pattern_evidence e
join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
where e.project_id = %(project_id)s and e.pattern_id = %(id)s
order by i.occurred_at desc, i.external_key, e.char_start limit %(limit)s

-- name: insert_versions
-- Snapshots of the content; the ones before them are replaced.
with replaced as (
  update public.pattern_versions v set status = 'replaced'
  from jsonb_to_recordset(%(rows)s) as r(pattern_id uuid, number integer)
  where v.project_id = %(project_id)s and v.pattern_id = r.pattern_id and v.number < r.number and v.status = 'current'
)
insert into public.pattern_versions (project_id, pattern_id, number, snapshot, created_by, correlation_id)
select %(project_id)s, r.pattern_id, r.number, r.snapshot, %(created_by)s, %(correlation_id)s
from jsonb_to_recordset(%(rows)s) as r(pattern_id uuid, number integer, snapshot jsonb)

-- name: insert_evidence
-- Quotes; one that is there already stays as it is.
insert into public.pattern_evidence (project_id, pattern_id, version, interaction_id, quote, char_start, char_end,
                                     repository, visibility, link)
select %(project_id)s, r.pattern_id, r.version, r.interaction_id, r.quote, r.char_start, r.char_end, r.repository,
       r.visibility, r.link
from jsonb_to_recordset(%(rows)s) as r(pattern_id uuid, version integer, interaction_id uuid, quote text,
                                       char_start integer, char_end integer, repository text, visibility text, link text)
on conflict (project_id, pattern_id, interaction_id, char_start, char_end) do nothing

-- name: insert_relationships
-- Relations between two patterns; one found again takes the newer strength.
insert into public.pattern_relationships (project_id, source_pattern_id, target_pattern_id, relationship_type, strength,
                                          confidence, evidence, extraction_method)
select %(project_id)s, r.source_pattern_id, r.target_pattern_id, r.relationship_type, r.strength, r.confidence, r.evidence,
       'builtin'
from jsonb_to_recordset(%(rows)s) as r(source_pattern_id uuid, target_pattern_id uuid, relationship_type text,
                                       strength real, confidence real, evidence jsonb)
on conflict (project_id, source_pattern_id, target_pattern_id, relationship_type)
do update set strength = excluded.strength, confidence = excluded.confidence, evidence = excluded.evidence

-- name: page
-- A page of patterns with their project, counts and statistics, by confidence.
select p.id as pattern_id, pr.name as project, p.name, p.pattern_type, p.description, p.status, p.confidence, p.tags,
       p.scope, p.version, p.extraction_method, p.created_at, p.updated_at,
       (select count(*) from public.pattern_evidence e where e.project_id = p.project_id and e.pattern_id = p.id)
         as evidence_count
from public.patterns p join public.projects pr on pr.id = p.project_id
where (%(project_id)s::uuid is null or p.project_id = %(project_id)s)
  and (%(status)s::text is null or p.status = %(status)s)
  and (%(pattern_type)s::text is null or p.pattern_type = %(pattern_type)s)
order by p.confidence desc, p.name, p.id
limit %(limit)s

-- name: find
-- Patterns by id, by the beginning of an id, or by name; by a part of the name where nothing else fits.
select p.id as pattern_id, p.project_id, pr.name as project, p.name, p.pattern_type, p.description, p.status,
       p.validation_status, p.confidence, p.content, p.tags, p.scope, p.version, p.context_hash, p.execution_trace,
       p.success_criteria, p.quality_metrics, p.performance_data, p.visibility, p.extraction_method, p.extraction_model,
       p.extraction_confidence, p.superseded_by, p.created_at, p.updated_at,
       p.id::text = lower(%(name)s) or lower(p.name) = lower(%(name)s) as exact
from public.patterns p join public.projects pr on pr.id = p.project_id
where (%(project_id)s::uuid is null or p.project_id = %(project_id)s)
  and (p.id::text like %(prefix)s or strpos(lower(p.name), lower(%(name)s)) > 0)
order by case when p.id::text = lower(%(name)s) then 0 when lower(p.name) = lower(%(name)s) then 1
              when p.id::text like %(prefix)s then 2 else 3 end, p.status = 'archived', p.name, p.id
limit 4

-- name: export
-- Every pattern of a project, whole, in a fixed order.
select p.id as pattern_id, p.project_id, pr.name as project, p.name, p.pattern_type, p.description, p.status,
       p.validation_status, p.confidence, p.content, p.tags, p.scope, p.version, p.context_hash, p.execution_trace,
       p.success_criteria, p.quality_metrics, p.performance_data, p.visibility, p.extraction_method, p.extraction_model,
       p.extraction_confidence, p.superseded_by, p.created_at, p.updated_at, s.success_rate
from public.patterns p
join public.projects pr on pr.id = p.project_id
join public.pattern_stats s on s.project_id = p.project_id and s.pattern_id = p.id
where (%(project_id)s::uuid is null or p.project_id = %(project_id)s)
order by pr.name, p.context_hash

-- name: evidence
-- All evidence of some patterns, oldest first.
select e.pattern_id, i.external_key as source, i.kind, i.revision, e.quote, e.char_start, e.char_end, i.occurred_at,
       e.repository, e.visibility, e.link, e.version
from public.pattern_evidence e
join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
where e.pattern_id = any(%(ids)s) and (%(project_id)s::uuid is null or e.project_id = %(project_id)s)
order by e.pattern_id, i.occurred_at, i.external_key, e.char_start

-- name: relationships
-- What a pattern is related to, in either direction.
select r.relationship_type, r.strength, r.confidence, r.evidence,
       other.id as pattern_id, other.name, r.source_pattern_id = %(id)s as outgoing
from public.pattern_relationships r
join public.patterns other on other.project_id = r.project_id
  and other.id = case when r.source_pattern_id = %(id)s then r.target_pattern_id else r.source_pattern_id end
where r.project_id = %(project_id)s and (r.source_pattern_id = %(id)s or r.target_pattern_id = %(id)s)
order by r.strength desc, other.name

-- name: versions
-- The versions of a pattern, newest first.
select number, snapshot, baselines, status, created_by, correlation_id, created_at
from public.pattern_versions where project_id = %(project_id)s and pattern_id = %(id)s order by number desc

-- name: stats
-- How a pattern has fared.
select match_count, usage_count, success_rate, last_matched_at, validation_count, contradiction_count
from public.pattern_stats where project_id = %(project_id)s and pattern_id = %(id)s
