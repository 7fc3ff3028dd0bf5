-- name: outcomes
-- What came of tasks, by interaction and type: how often answers of local and of commercial models stood, with the text
-- that they were about. Only calls that say something of the model, and texts that are redacted; the newest first.
select l.task_type, l.interaction_id::text as interaction, i.kind,
       -- What is read of a very long one: its beginning and its end.
       case when char_length(i.text) > %(read)s
            then left(i.text, %(read)s * 2 / 3) || E'\n' || right(i.text, %(read)s / 3) else i.text end as text,
       case when jsonb_typeof(i.metadata -> 'files_total') = 'number'
            then least(greatest((i.metadata ->> 'files_total')::numeric, 0), 1000000)::integer else 0 end as files,
       (avg((l.result = 'ok')::integer) filter (where l.place = 'local'))::double precision as weak,
       (avg((l.result = 'ok')::integer) filter (where l.place = 'commercial'))::double precision as strong
from public.ledger l
join public.interactions i on i.id = l.interaction_id and i.project_id = l.project_id
where i.redacted
  and l.task_type <> 'embedding'
  and l.result in ('ok', 'answer-invalid', 'answer-truncated', 'answer-refused', 'answer-ungrounded')
group by l.task_type, l.interaction_id, i.id
order by max(l.created_at) desc
limit %(most)s
