-- name: insert_usage
-- One usage; none where its key is taken. The version is the pattern's own, noted by a trigger.
insert into public.pattern_usage (project_id, pattern_id, idempotency_key, session_id, context, outcome, duration_ms,
                                  quality_results, performance_score, effectiveness_score, error, user_id, started_at)
values (%(project_id)s, %(pattern_id)s, %(idempotency_key)s, %(session_id)s, %(context)s, %(outcome)s, %(duration_ms)s,
        %(quality_results)s, %(performance_score)s, %(effectiveness_score)s, %(error)s, %(user_id)s,
        coalesce(%(started_at)s::timestamptz, now()))
on conflict (project_id, idempotency_key) do nothing
returning id, project_id, pattern_id, idempotency_key, session_id, context, outcome, duration_ms, quality_results,
          performance_score, effectiveness_score, error, version, user_id, started_at, created_at

-- name: same_key
-- The usage of a key, and whether it is the same as the one that came now. A start that was not given is not compared.
select u.id, u.project_id, u.pattern_id, u.idempotency_key, u.session_id, u.context, u.outcome, u.duration_ms,
       u.quality_results, u.performance_score, u.effectiveness_score, u.error, u.version, u.user_id, u.started_at,
       u.created_at,
       (u.pattern_id, u.session_id, u.context, u.outcome, u.duration_ms, u.quality_results, u.performance_score,
        u.effectiveness_score, u.error, u.user_id, u.started_at)
       is not distinct from
       (%(pattern_id)s::uuid, %(session_id)s::text, %(context)s::jsonb, %(outcome)s::text, %(duration_ms)s::bigint,
        %(quality_results)s::jsonb, %(performance_score)s::real, %(effectiveness_score)s::real, %(error)s::text,
        %(user_id)s::uuid, coalesce(%(started_at)s::timestamptz, u.started_at)) as same
from public.pattern_usage u
where u.project_id = %(project_id)s and u.idempotency_key = %(idempotency_key)s

-- name: page_of_usage
-- A page of a pattern's usages, newest first.
select u.id, u.project_id, u.pattern_id, u.idempotency_key, u.session_id, u.context, u.outcome, u.duration_ms,
       u.quality_results, u.performance_score, u.effectiveness_score, u.error, u.version, u.user_id, u.started_at,
       u.created_at
from public.pattern_usage u
where u.project_id = %(project_id)s and u.pattern_id = %(pattern_id)s
  and (%(last)s::uuid is null or (u.started_at, u.id) < (%(moment)s::timestamptz, %(last)s::uuid))
order by u.started_at desc, u.id desc
limit %(limit)s
