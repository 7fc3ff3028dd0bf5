-- name: sources
-- What may be done with what comes from each source of some projects. `own_words`: that of hand-written patterns.
select s.id, s.project_id, s.remote_models, s.remote_vendors,
       s.kind = 'import' and s.external_id = 'motif:hand-written' as own_words
from public.sources s where s.project_id = any(%(projects)s)

-- name: interactions
-- The sources of interactions: each one's own, and where else the same commit came in.
select i.id, i.source_id,
       array(select t.source_id from public.sources s
             join public.interactions t on t.project_id = s.project_id and t.source_id = s.id
               and t.external_key = i.external_key and t.revision = i.revision
             where i.kind = 'commit' and s.project_id = i.project_id and t.kind = 'commit') as others
from public.interactions i where i.project_id = %(project_id)s and i.id = any(%(ids)s)

-- name: patterns
-- The sources of patterns: of all their evidence, with where else the same commit came in, and those whose private words
-- went into them. `written`: by somebody, in part at least. `erased`: evidence was taken from them.
select p.id, p.edited or p.context_hash like 'manual:%%' as written,
       exists (select from public.pattern_versions v where v.project_id = p.project_id and v.pattern_id = p.id
               and v.created_by = 'erasure') as erased,
       array(select distinct o.source_id from public.pattern_evidence e
             join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
             cross join lateral (
               select i.source_id
               union all
               select t.source_id from public.sources s
               join public.interactions t on t.project_id = s.project_id and t.source_id = s.id
                 and t.external_key = i.external_key and t.revision = i.revision
               where i.kind = 'commit' and s.project_id = i.project_id and t.kind = 'commit') o
             where e.project_id = p.project_id and e.pattern_id = p.id) as evidence,
       array_remove(p.private_to, '00000000-0000-0000-0000-000000000000') as private_to
from public.patterns p where p.project_id = %(project_id)s and p.id = any(%(ids)s)
