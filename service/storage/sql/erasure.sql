-- name: erase_pattern
-- A pattern and what hangs on it; null where there is none.
select motif.erase_pattern(%(project_id)s, %(pattern_id)s) as erased

-- name: erase_source
-- A source with its interactions and what rests on them alone; null where there is none.
select motif.erase_source(%(project_id)s, %(source_id)s) as erased

-- name: erase_person
-- What a person wrote and said in a project, and their place in it; null where there is no such project.
select motif.erase_person(%(project_id)s, %(who)s) as erased

-- name: erase_me
-- The same for the caller, in every project.
select project_id, erased from motif.erase_me()

-- name: erase_project
-- A project with everything in it; null where there is none.
select motif.erase_project(%(project_id)s) as erased

-- name: erase_expired
-- A batch of what one source has kept for too long; no row where there is nothing of the kind.
select project_id, source_id, erased from motif.erase_expired(%(most)s)

-- name: become_service
-- For the rest of the transaction: what was decided as the caller is carried out by the service.
select set_config('role', 'service_role', true), set_config('request.jwt.claims', '', true)

-- name: indexable
-- Patterns as they are to be indexed again.
select p.id, p.name, p.description, p.content, p.extraction_method,
       coalesce((select array_agg(q.quote order by q.occurred_at desc, q.external_key, q.char_start) from (
         select e.quote, i.occurred_at, i.external_key, e.char_start from public.pattern_evidence e
         join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
         where e.project_id = p.project_id and e.pattern_id = p.id
         order by i.occurred_at desc, i.external_key, e.char_start limit 8) q), '{}') as quotes
from public.patterns p where p.project_id = %(project_id)s and p.id = any(%(ids)s) order by p.id

-- name: defer_scrub
-- Freed pages are rewritten before long.
select motif.defer_scrub(make_interval(secs => %(wait_s)s))

-- name: at
-- When this transaction began.
select now() as at

-- name: count_pattern
-- What an erasure of a pattern would take, for whoever has to confirm it.
select (select count(*) from public.pattern_evidence e where e.project_id = %(project_id)s and e.pattern_id = %(id)s)
         as pattern_evidence,
       (select count(*) from public.pattern_versions v where v.project_id = %(project_id)s and v.pattern_id = %(id)s)
         as pattern_versions,
       (select count(*) from public.pattern_usage u where u.project_id = %(project_id)s and u.pattern_id = %(id)s)
         as pattern_usage,
       (select count(*) from public.pattern_validations v where v.project_id = %(project_id)s and v.pattern_id = %(id)s)
         as pattern_validations

-- name: count_source
-- The same of a source: its interactions, the patterns that rest on them alone, and those that lose evidence.
with own as materialized (
  select i.id from public.interactions i where i.project_id = %(project_id)s and i.source_id = %(id)s
), shown as materialized (
  select e.pattern_id, bool_and(e.interaction_id in (select id from own)) as alone
  from public.pattern_evidence e
  where e.project_id = %(project_id)s
    and e.pattern_id in (select o.pattern_id from public.pattern_evidence o
                         where o.project_id = %(project_id)s and o.interaction_id in (select id from own))
  group by e.pattern_id
)
select (select count(*) from own) as interactions, count(*) filter (where alone) as patterns,
       count(*) filter (where not alone) as patterns_rewritten
from shown

-- name: count_person
-- The same of a person.
select * from jsonb_to_record(motif.foresee_person(%(project_id)s, %(who)s))
  as found (interactions bigint, pattern_validations bigint, pattern_usage bigint, project_members bigint)

-- name: count_project
-- The same of a project.
select (select count(*) from public.sources s where s.project_id = %(project_id)s) as sources,
       (select count(*) from public.interactions i where i.project_id = %(project_id)s) as interactions,
       (select count(*) from public.patterns p where p.project_id = %(project_id)s) as patterns,
       (select count(*) from public.pattern_usage u where u.project_id = %(project_id)s) as pattern_usage,
       (select count(*) from public.project_members m where m.project_id = %(project_id)s) as project_members

-- name: drop_waiting_scrubs
-- What a scrub that begins now does as well.
delete from jobs.procrastinate_jobs where queue_name = 'motif' and task_name = 'scrub' and status in ('todo', 'failed')
