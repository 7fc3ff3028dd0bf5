-- name: settings
-- What a project that was just made is to have.
update public.projects set settings = %(settings)s where id = %(project_id)s

-- name: source
-- Sources as they were.
insert into public.sources (id, project_id, kind, name, external_id, visibility, remote_models, remote_vendors,
                            retention_days, settings, created_at)
select r.id, %(project_id)s, r.kind, r.name, r.external_id, r.visibility, r.remote_models, r.remote_vendors,
       r.retention_days, r.settings, r.created_at
from jsonb_to_recordset(%(rows)s) as r(
  id uuid, kind text, name text, external_id text, visibility text, remote_models text, remote_vendors text[],
  retention_days integer, settings jsonb, created_at timestamptz)

-- name: interaction
-- Interactions, redacted; what was under way waits again.
insert into public.interactions (id, project_id, source_id, kind, external_key, revision, author_key, occurred_at, text,
                                 metadata, priority, state, error, processed_at, handed_in_by, created_at, redacted)
select r.id, %(project_id)s, r.source_id, r.kind, r.external_key, r.revision, r.author_key, r.occurred_at, r.text,
       r.metadata, r.priority, case r.state when 'processing' then 'received' else r.state end, r.error, r.processed_at,
       r.handed_in_by, r.created_at, true
from jsonb_to_recordset(%(rows)s) as r(
  id uuid, source_id uuid, kind text, external_key text, revision text, author_key text, occurred_at timestamptz,
  text text, metadata jsonb, priority text, state text, error text, processed_at timestamptz, handed_in_by text,
  created_at timestamptz)

-- name: pattern
-- Patterns, with an empty row of statistics each.
with new as (
  insert into public.patterns (id, project_id, name, description, pattern_type, content, scope, tags, confidence, status,
                               context_hash, execution_trace, success_criteria, quality_metrics, performance_data,
                               extraction_method, extraction_model, extraction_confidence, visibility, version, edited,
                               decided, created_at)
  select r.id, %(project_id)s, r.name, r.description, r.pattern_type, r.content, r.scope, r.tags, r.confidence, r.status,
         r.context_hash, r.execution_trace, r.success_criteria, r.quality_metrics, r.performance_data,
         r.extraction_method, r.extraction_model, r.extraction_confidence, r.visibility, r.version, r.edited, r.decided,
         r.created_at
  from jsonb_to_recordset(%(rows)s) as r(
    id uuid, name text, description text, pattern_type text, content jsonb, scope text[], tags text[], confidence real,
    status text, context_hash text, execution_trace jsonb, success_criteria jsonb, quality_metrics jsonb,
    performance_data jsonb, extraction_method text, extraction_model text, extraction_confidence real, visibility text,
    version integer, edited boolean, decided boolean, created_at timestamptz)
  returning id
)
insert into public.pattern_stats (project_id, pattern_id) select %(project_id)s, new.id from new

-- name: superseded
-- Which pattern took another one's place.
update public.patterns p set superseded_by = r.superseded_by
from jsonb_to_recordset(%(rows)s) as r(id uuid, superseded_by uuid)
where p.project_id = %(project_id)s and p.id = r.id

-- name: version
-- Versions of patterns.
insert into public.pattern_versions (project_id, pattern_id, number, snapshot, baselines, status, created_by, created_at)
select %(project_id)s, r.pattern_id, r.number, r.snapshot, r.baselines, r.status, r.created_by, r.created_at
from jsonb_to_recordset(%(rows)s) as r(
  pattern_id uuid, number integer, snapshot jsonb, baselines jsonb, status text, created_by text, created_at timestamptz)

-- name: evidence
-- Quotes; one without words takes those that stand there, in a text that had to be redacted again.
insert into public.pattern_evidence (project_id, pattern_id, version, interaction_id, quote, char_start, char_end,
                                     repository, visibility, link, created_at)
select %(project_id)s, r.pattern_id, r.version, r.interaction_id,
       coalesce(r.quote, substr(i.text, r.char_start + 1, r.char_end - r.char_start)), r.char_start, r.char_end,
       r.repository, r.visibility, r.link, r.created_at
from jsonb_to_recordset(%(rows)s) as r(
  pattern_id uuid, version integer, interaction_id uuid, quote text, char_start integer, char_end integer,
  repository text, visibility text, link text, created_at timestamptz)
left join public.interactions i on i.project_id = %(project_id)s and i.id = r.interaction_id

-- name: relationship
-- Relationships between patterns.
insert into public.pattern_relationships (project_id, source_pattern_id, target_pattern_id, relationship_type, strength,
                                          confidence, evidence, validation_count, contradiction_count,
                                          extraction_method, extraction_model, extraction_confidence, created_at)
select %(project_id)s, r.source_pattern_id, r.target_pattern_id, r.relationship_type, r.strength, r.confidence,
       r.evidence, r.validation_count, r.contradiction_count, r.extraction_method, r.extraction_model,
       r.extraction_confidence, r.created_at
from jsonb_to_recordset(%(rows)s) as r(
  source_pattern_id uuid, target_pattern_id uuid, relationship_type text, strength real, confidence real, evidence jsonb,
  validation_count integer, contradiction_count integer, extraction_method text, extraction_model text,
  extraction_confidence real, created_at timestamptz)

-- name: validation
-- Validations, by nobody who is known here.
insert into public.pattern_validations (project_id, pattern_id, validation_type, result, evidence, validated_by,
                                        validator_id, confidence, created_at)
select %(project_id)s, r.pattern_id, r.validation_type, r.result, r.evidence, r.validated_by, null, r.confidence,
       r.created_at
from jsonb_to_recordset(%(rows)s) as r(
  pattern_id uuid, validation_type text, result boolean, evidence jsonb, validated_by text, confidence real,
  created_at timestamptz)

-- name: usage
-- Usages, by nobody who is known here.
insert into public.pattern_usage (project_id, pattern_id, idempotency_key, session_id, context, outcome, duration_ms,
                                  quality_results, performance_score, effectiveness_score, error, version, user_id,
                                  started_at, created_at)
select %(project_id)s, r.pattern_id, r.idempotency_key, r.session_id, r.context, r.outcome, r.duration_ms,
       r.quality_results, r.performance_score, r.effectiveness_score, r.error, r.version, null, r.started_at, r.created_at
from jsonb_to_recordset(%(rows)s) as r(
  pattern_id uuid, idempotency_key text, session_id text, context jsonb, outcome text, duration_ms bigint,
  quality_results jsonb, performance_score real, effectiveness_score real, error text, version integer,
  started_at timestamptz, created_at timestamptz)

-- name: stats
-- How the patterns had fared: who is left out cannot be told apart, so that counting anew would count otherwise.
with told as (
  select * from jsonb_to_recordset(%(rows)s) as r(
    pattern_id uuid, match_count bigint, usage_count bigint, success_points double precision, success_rate real,
    last_matched_at timestamptz, validation_count integer, contradiction_count integer, validation_status text)
), judged as (
  update public.patterns p set validation_status = t.validation_status
  from told t
  where p.project_id = %(project_id)s and p.id = t.pattern_id and p.validation_status <> t.validation_status
)
update public.pattern_stats s
set match_count = t.match_count, usage_count = t.usage_count, success_points = t.success_points,
    success_rate = t.success_rate, last_matched_at = t.last_matched_at, validation_count = t.validation_count,
    contradiction_count = t.contradiction_count
from told t
where s.project_id = %(project_id)s and s.pattern_id = t.pattern_id
