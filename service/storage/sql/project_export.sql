-- name: do_not_wait_for_ever
-- Ends this transaction's session when nobody takes the lines: it holds a connection, and a snapshot.
select set_config('idle_in_transaction_session_timeout', %(milliseconds)s, true)

-- name: lines
-- A project line by line, in one snapshot: first what others refer to. `raw`: not redacted yet. Who people are is left
-- out, they are this installation's.
select jsonb_build_object('motif', jsonb_build_object('format', 1, 'project', p.name, 'settings', p.settings))::text
         as line, false as raw
from public.projects p where p.id = %(project_id)s
union all
(select jsonb_build_object('source', jsonb_build_object(
          'id', s.id, 'kind', s.kind, 'name', s.name, 'external_id', s.external_id, 'visibility', s.visibility,
          'remote_models', s.remote_models, 'remote_vendors', s.remote_vendors, 'retention_days', s.retention_days,
          'settings', s.settings, 'created_at', s.created_at))::text, false
 from public.sources s where s.project_id = %(project_id)s order by s.created_at, s.id)
union all
(select jsonb_build_object('interaction', jsonb_build_object(
          'id', i.id, 'source_id', i.source_id, 'kind', i.kind, 'external_key', i.external_key, 'revision', i.revision,
          'author_key', i.author_key, 'occurred_at', i.occurred_at, 'text', i.text, 'metadata', i.metadata,
          'priority', i.priority, 'state', i.state, 'error', i.error, 'processed_at', i.processed_at,
          'handed_in_by', case when i.handed_in_by like 'agent:%%' then 'agent:elsewhere' else 'service' end,
          'created_at', i.created_at))::text, not i.redacted
 from public.interactions i where i.project_id = %(project_id)s
 order by i.source_id, i.external_key, i.revision)
union all
(select jsonb_build_object('pattern', jsonb_build_object(
          'id', p.id, 'name', p.name, 'description', p.description, 'pattern_type', p.pattern_type,
          'content', p.content, 'scope', p.scope, 'tags', p.tags, 'confidence', p.confidence, 'status', p.status,
          'context_hash', p.context_hash, 'execution_trace', p.execution_trace,
          'success_criteria', p.success_criteria, 'quality_metrics', p.quality_metrics,
          'performance_data', p.performance_data, 'superseded_by', p.superseded_by,
          'extraction_method', p.extraction_method, 'extraction_model', p.extraction_model,
          'extraction_confidence', p.extraction_confidence, 'visibility', p.visibility, 'version', p.version,
          'edited', p.edited, 'decided', p.decided, 'created_at', p.created_at))::text, false
 from public.patterns p where p.project_id = %(project_id)s order by p.context_hash)
union all
(select jsonb_build_object('version', jsonb_build_object(
          'pattern_id', v.pattern_id, 'number', v.number, 'snapshot', v.snapshot, 'baselines', v.baselines,
          'status', v.status,
          'created_by', case when v.created_by ~ '^(user:|agent:)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                             then coalesce(substring(v.created_by from '^(user|agent):'), 'user')
                             else v.created_by end,
          'created_at', v.created_at))::text, false
 from public.pattern_versions v where v.project_id = %(project_id)s order by v.pattern_id, v.number)
union all
(select jsonb_build_object('evidence', jsonb_build_object(
          'pattern_id', e.pattern_id, 'version', e.version, 'interaction_id', e.interaction_id, 'quote', e.quote,
          'char_start', e.char_start, 'char_end', e.char_end, 'repository', e.repository, 'visibility', e.visibility,
          'link', e.link, 'created_at', e.created_at))::text, false
 from public.pattern_evidence e where e.project_id = %(project_id)s
 order by e.pattern_id, e.interaction_id, e.char_start)
union all
(select jsonb_build_object('relationship', jsonb_build_object(
          'source_pattern_id', r.source_pattern_id, 'target_pattern_id', r.target_pattern_id,
          'relationship_type', r.relationship_type, 'strength', r.strength, 'confidence', r.confidence,
          'evidence', r.evidence, 'validation_count', r.validation_count,
          'contradiction_count', r.contradiction_count, 'extraction_method', r.extraction_method,
          'extraction_model', r.extraction_model, 'extraction_confidence', r.extraction_confidence,
          'created_at', r.created_at))::text, false
 from public.pattern_relationships r where r.project_id = %(project_id)s
 order by r.source_pattern_id, r.target_pattern_id, r.relationship_type)
union all
(select jsonb_build_object('validation', jsonb_build_object(
          'pattern_id', v.pattern_id, 'validation_type', v.validation_type, 'result', v.result,
          'evidence', v.evidence, 'validated_by', v.validated_by, 'confidence', v.confidence,
          'created_at', v.created_at))::text, false
 from public.pattern_validations v where v.project_id = %(project_id)s order by v.pattern_id, v.created_at, v.id)
union all
(select jsonb_build_object('usage', jsonb_build_object(
          'pattern_id', u.pattern_id, 'idempotency_key', u.idempotency_key, 'session_id', u.session_id,
          'context', u.context, 'outcome', u.outcome, 'duration_ms', u.duration_ms,
          'quality_results', u.quality_results, 'performance_score', u.performance_score,
          'effectiveness_score', u.effectiveness_score, 'error', u.error, 'version', u.version,
          'started_at', u.started_at, 'created_at', u.created_at))::text, false
 from public.pattern_usage u where u.project_id = %(project_id)s order by u.pattern_id, u.started_at, u.id)
union all
(select jsonb_build_object('stats', jsonb_build_object(
          'pattern_id', s.pattern_id, 'match_count', s.match_count, 'usage_count', s.usage_count,
          'success_points', s.success_points, 'success_rate', s.success_rate, 'last_matched_at', s.last_matched_at,
          'validation_count', s.validation_count, 'contradiction_count', s.contradiction_count,
          'validation_status', p.validation_status))::text, false
 from public.pattern_stats s join public.patterns p on p.project_id = s.project_id and p.id = s.pattern_id
 where s.project_id = %(project_id)s order by s.pattern_id)
