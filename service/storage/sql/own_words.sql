-- name: make_source
-- The source of a project's hand-written patterns; one that is there stays as its admins made it.
insert into public.sources (project_id, kind, name, external_id)
values (%(project_id)s, 'import', 'hand-written patterns', 'motif:hand-written')
on conflict (project_id, kind, external_id) do nothing

-- name: source
-- That source.
select id, kind, name, visibility from public.sources
where project_id = %(project_id)s and kind = 'import' and external_id = 'motif:hand-written'

-- name: rests
-- A quote of a pattern that stands in its own words.
select e.id
from public.pattern_evidence e
join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
join public.sources s on s.project_id = i.project_id and s.id = i.source_id
where e.project_id = %(project_id)s and e.pattern_id = %(id)s
  and s.kind = 'import' and s.external_id = 'motif:hand-written'
limit 1

-- name: placed
-- What is known of each quote that somebody brings as evidence. A text that is not redacted yet is nobody's to quote.
select i.id is not null as found, coalesce(i.redacted, false) as readable,
       coalesce(substr(i.text, g.char_start + 1, greatest(g.char_end - g.char_start, 0)) = g.quote, false) as stands,
       s.name as repository, s.visibility, i.metadata ->> 'link' as link
from rows from (jsonb_to_recordset(%(rows)s) as (interaction_id uuid, char_start integer, char_end integer, quote text))
     with ordinality as g(interaction_id, char_start, char_end, quote, place)
left join public.interactions i on i.project_id = %(project_id)s and i.id = g.interaction_id
left join public.sources s on s.project_id = i.project_id and s.id = i.source_id
order by g.place
