-- Erasure: what goes leaves no words behind, and Postgres decides who may. There is no other way of deleting.

-- Lower case, words parted by single blanks, one at either end: what texts are compared as.
create function motif.plain(said text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select ' ' || btrim(regexp_replace(lower(normalize(said, NFKC)), '[^[:alnum:]]+', ' ', 'g')) || ' '
$$;

-- The stems of a text's words, a compound name as a whole and by its parts; no stop words, no short numbers, which every
-- text has. Postgres' own stemmer: only texts that were read by it are compared.
create function motif.stems(said text) returns setof text
language sql immutable parallel safe set search_path = '' as $$
  select distinct (ts_lexize('pg_catalog.english_stem', w.word))[1]
  from (select distinct word from unnest(string_to_array(
          motif.plain(said) || motif.plain(regexp_replace(said, '([[:lower:][:digit:]])([[:upper:]])', '\1 \2', 'g')),
          ' ')) as word where word <> '' and word !~ '^[0-9]{1,4}$') w
  where cardinality(ts_lexize('pg_catalog.english_stem', w.word)) > 0
$$;

create function motif.sentences(said text) returns setof text
language sql immutable parallel safe set search_path = '' as $$
  select btrim(piece) from regexp_split_to_table(said, '(?<=[.!?。！？])\s+|\n+') as piece where btrim(piece) <> ''
$$;

-- Runs of four words, or the whole where there are fewer, of each piece between quotation marks: enough to know a copy.
create function motif.runs(said text) returns setof text
language sql immutable parallel safe set search_path = '' as $$
  select distinct ' ' || array_to_string(p.words[n:n + 3], ' ') || ' '
  from (select string_to_array(btrim(motif.plain(piece)), ' ') as words
        from regexp_split_to_table(said, '[“”"«»;]+') as piece where motif.plain(piece) <> '  ') p,
       generate_series(1, greatest(1, cardinality(p.words) - 3)) as n
$$;

-- Every string in a value, names of fields too.
create function motif.strings_in(value jsonb) returns setof text
language sql immutable parallel safe set search_path = '' as $$
  select v #>> '{}' from jsonb_path_query(value, 'strict $.**') as v where jsonb_typeof(v) = 'string'
  union
  select k from jsonb_path_query(value, 'strict $.** ? (@.type() == "object")') as v, jsonb_object_keys(v) as k
$$;

create function motif.forget(said text, tainted text[]) returns text
language sql immutable parallel safe set search_path = '' as $$
  select case when exists (select from motif.sentences(said) as s where s = any (tainted))
              then coalesce((select string_agg(s.s, ' ' order by s.n) from motif.sentences(said) with ordinality as s (s, n)
                             where s.s <> all (tainted)), '')
              else said end
$$;

create function motif.forget_in(value jsonb, tainted text[]) returns jsonb
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  case jsonb_typeof(value)
    when 'string' then
      return to_jsonb(motif.forget(value #>> '{}', tainted));
    when 'array' then
      return coalesce((select jsonb_agg(e.kept order by e.n)
                       from (select motif.forget_in(v, tainted) as kept, v, n
                             from jsonb_array_elements(value) with ordinality as a (v, n)) e
                       where e.kept <> '""' or e.v = '""'), '[]');
    when 'object' then
      return coalesce((select jsonb_object_agg(o.k, motif.forget_in(o.v, tainted)) from jsonb_each(value) as o (k, v)
                       where motif.forget(o.k, tainted) = o.k), '{}');
    else
      return value;
  end case;
end
$$;

-- All that an interaction says.
create function motif.said_by(i public.interactions) returns text
language sql immutable set search_path = '' as $$
  select i.external_key || ' ' || i.text || ' ' || regexp_replace(i.metadata::text, '\\[nrtbf"]', ' ', 'g')
$$;

-- Those of some sentences that hold a word, or a run of words, that the interactions which go have and those which stay
-- have not. Too many rather than too few.
create function motif.tainted(sentences text[], project uuid, going uuid[], staying uuid[], also text) returns text[]
language sql stable set search_path = '' as $$
  with gone as materialized (
    select motif.said_by(i) as said from public.interactions i where i.project_id = project and i.id = any (going)
    union all select also where also <> ''
  ), kept as materialized (
    select motif.said_by(i) as said from public.interactions i where i.project_id = project and i.id = any (staying)
  ), gone_plain as materialized (
    select motif.plain(said) as said from gone
  ), kept_plain as materialized (
    select motif.plain(said) as said from kept
  ), missing as materialized (
    select stem from unnest(sentences) as s, motif.stems(s) as stem
    except
    select stem from kept, motif.stems(kept.said) as stem
  ), lost as materialized (
    -- Only texts that may hold one are read word by word: a stem is its word but for the ending, or its last letter.
    select distinct stem
    from gone g, motif.stems(g.said) as stem
    where exists (select from missing m where strpos(lower(normalize(g.said, NFKC)),
                                                     left(m.stem, greatest(length(m.stem) - 1, 2))) > 0)
      and stem in (select m.stem from missing m)
  )
  select coalesce(array_agg(distinct s), '{}') from unnest(sentences) as s
  where exists (select from motif.stems(s) as stem where stem in (select l.stem from lost l))
     or exists (select from motif.runs(s) as run
                where exists (select from gone_plain g where strpos(g.said, run) > 0)
                  and not exists (select from kept_plain k where strpos(k.said, run) > 0))
$$;

create function motif.add_counts(one jsonb, other jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select coalesce(jsonb_object_agg(c.key, c.total), '{}')
  from (select key, sum(value::bigint) as total from (select * from jsonb_each_text(one) union all select * from jsonb_each_text(other)) as c2
        group by key having sum(value::bigint) > 0) c
$$;

-- What an erasure left of a pattern's usage and validations, counted anew.
create function motif.recount(project uuid, patterns uuid[]) returns void
language sql volatile set search_path = '' as $$
  update public.pattern_stats s
  set usage_count = u.uses, success_points = u.points, success_rate = case when u.uses > 0 then u.points / u.uses end
  from (select given.id, count(w.id) as uses,
               coalesce(sum(case w.outcome when 'successful' then 1 when 'partial' then .5 when null then null else 0 end)
                        filter (where w.id is not null), 0)::double precision as points
        from unnest(patterns) as given (id)
        left join public.pattern_usage w on w.project_id = project and w.pattern_id = given.id
        group by given.id) u
  where s.project_id = project and s.pattern_id = u.id and s.usage_count <> u.uses;
  -- Each validator's last word counts, as when one is added.
  with said as (
    select distinct on (v.pattern_id, coalesce(v.validator_id::text || v.validated_by, v.id::text)) v.pattern_id, v.result
    from public.pattern_validations v
    where v.project_id = project and v.pattern_id = any (patterns)
    order by v.pattern_id, coalesce(v.validator_id::text || v.validated_by, v.id::text), v.created_at desc, v.id desc
  ), votes as (
    select given.id, count(*) filter (where s.result) as good, count(*) filter (where not s.result) as bad
    from unnest(patterns) as given (id) left join said s on s.pattern_id = given.id
    group by given.id
  ), counted as (
    update public.pattern_stats s set validation_count = v.good, contradiction_count = v.bad
    from votes v where s.project_id = project and s.pattern_id = v.id
  )
  update public.patterns p set validation_status = v.status
  from (select id, case when good > bad then 'validated' when bad > good then 'contradicted' else 'pending' end as status
        from votes) v
  where p.project_id = project and p.id = v.id and p.validation_status <> v.status;
$$;

-- Patterns with all that hangs on them; the events of their removal stay. The caller holds the project's lock.
create function motif.erase_patterns(project uuid, patterns uuid[]) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  removed jsonb := '{}';
  counted bigint;
  held text;
begin
  if cardinality(patterns) = 0 then
    return removed;
  end if;
  perform from public.patterns p where p.project_id = project and p.id = any (patterns) order by p.id for update;
  foreach held in array array['pattern_stats', 'pattern_versions', 'pattern_evidence', 'pattern_validations',
                              'pattern_usage', 'pattern_embeddings', 'pattern_terms'] loop
    execute format('select count(*) from public.%I where project_id = $1 and pattern_id = any ($2)', held)
      into counted using project, patterns;
    removed := removed || jsonb_build_object(held, counted);
  end loop;
  select count(*) into counted from public.pattern_relationships r
  where r.project_id = project and (r.source_pattern_id = any (patterns) or r.target_pattern_id = any (patterns));
  removed := removed || jsonb_build_object('pattern_relationships', counted);

  -- What a task kept of its answer names the pattern by its key.
  delete from public.tasks t where t.project_id = project
    and t.answer ->> 'key' in (select p.context_hash from public.patterns p where p.project_id = project and p.id = any (patterns));
  get diagnostics counted = row_count;
  removed := removed || jsonb_build_object('tasks', counted);
  update public.patterns p set superseded_by = null where p.project_id = project and p.superseded_by = any (patterns);
  delete from public.patterns p where p.project_id = project and p.id = any (patterns);
  get diagnostics counted = row_count;
  removed := removed || jsonb_build_object('patterns', counted);
  delete from public.pattern_events e where e.project_id = project and e.pattern_id = any (patterns) and e.kind <> 'removed';
  get diagnostics counted = row_count;
  return motif.add_counts(removed, jsonb_build_object('pattern_events', counted));
end
$$;

-- A pattern that stays although interactions go which showed it: whatever only they said is taken out of it.
create function motif.rewrite_pattern(project uuid, pattern uuid, going uuid[], also text) returns void
language plpgsql volatile set search_path = '' as $$
declare
  p public.patterns;
  staying uuid[];
  tainted text[];
  name_left text;
  free text;
  sources_before bigint;
  sources_after bigint;
  sure real;
begin
  select * into strict p from public.patterns where project_id = project and id = pattern for update;
  select array_agg(distinct e.interaction_id) into staying from public.pattern_evidence e
  where e.project_id = project and e.pattern_id = pattern and e.interaction_id <> all (going);
  tainted := motif.tainted(
    array(select s from (
            select p.name as said union select p.description union select p.pattern_type union select p.context_hash
            union select unnest(p.tags) union select unnest(p.scope)
            union select motif.strings_in(p.content) union select motif.strings_in(p.execution_trace)
            union select motif.strings_in(p.success_criteria) union select motif.strings_in(p.quality_metrics)
            union select motif.strings_in(p.performance_data)
            union select motif.strings_in(r.evidence) from public.pattern_relationships r
                  where r.project_id = project and pattern in (r.source_pattern_id, r.target_pattern_id)) f,
          motif.sentences(f.said) as s),
    project, going, staying, also);

  name_left := p.name;
  if p.name <> '' and exists (select from motif.sentences(p.name) as s where s = any (tainted)) then
    -- Its own words are gone, so it is called by the newest of the quotes that stay.
    select left(btrim(regexp_replace(e.quote, '\s+', ' ', 'g')), 80) into name_left
    from public.pattern_evidence e join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
    where e.project_id = project and e.pattern_id = pattern and e.interaction_id <> all (going) and btrim(e.quote) <> ''
    order by i.occurred_at desc, e.char_start, e.id limit 1;
    name_left := coalesce(nullif(name_left, ''), 'Pattern');
  end if;
  free := name_left;
  for number in 2..10000 loop
    exit when not exists (select from public.patterns o where o.project_id = project and o.id <> pattern
                          and o.status in ('proposed', 'active') and lower(o.name collate "C") = lower(free collate "C"));
    free := name_left || ' (' || number || ')';
  end loop;

  -- As the built-in extractor reckons it (builtin/writing.py): recurrence over independent sources, to the power of .4.
  select count(distinct (i.author_key, (i.occurred_at at time zone 'UTC')::date)),
         count(distinct (i.author_key, (i.occurred_at at time zone 'UTC')::date)) filter (where i.id <> all (going))
  into sources_before, sources_after
  from public.pattern_evidence e join public.interactions i on i.project_id = e.project_id and i.id = e.interaction_id
  where e.project_id = project and e.pattern_id = pattern;
  sure := case when p.extraction_method = 'builtin' and sources_before > 0
               then p.confidence * power((1 - exp(-sources_after / 8.0)) / (1 - exp(-sources_before / 8.0)), .4)
               else p.confidence end;

  delete from public.tasks t where t.project_id = project and t.answer ->> 'key' = p.context_hash;
  delete from public.pattern_versions v where v.project_id = project and v.pattern_id = pattern;
  update public.pattern_relationships r set evidence = motif.forget_in(r.evidence, tainted)
  where r.project_id = project and pattern in (r.source_pattern_id, r.target_pattern_id)
    and r.evidence is distinct from motif.forget_in(r.evidence, tainted);
  update public.patterns set
    name = free,
    description = motif.forget(p.description, tainted),
    pattern_type = case when p.pattern_type = any (tainted) then 'general' else p.pattern_type end,
    context_hash = case when exists (select from motif.sentences(p.context_hash) as s where s = any (tainted))
                        then 'erased:' || gen_random_uuid() else p.context_hash end,
    content = motif.forget_in(p.content, tainted),
    tags = array(select t from unnest(p.tags) with ordinality as t (t, n) where motif.forget(t, tainted) = t order by n),
    scope = array(select t from unnest(p.scope) with ordinality as t (t, n) where motif.forget(t, tainted) = t order by n),
    execution_trace = motif.forget_in(p.execution_trace, tainted),
    success_criteria = motif.forget_in(p.success_criteria, tainted),
    quality_metrics = motif.forget_in(p.quality_metrics, tainted),
    performance_data = motif.forget_in(p.performance_data, tainted),
    confidence = sure,
    extraction_confidence = least(p.extraction_confidence, sure),
    version = p.version + 1
  where project_id = project and id = pattern;
  insert into public.pattern_versions (project_id, pattern_id, number, snapshot, created_by)
  select project, pattern, q.version,
         jsonb_build_object('name', q.name, 'description', q.description, 'pattern_type', q.pattern_type,
                            'content', q.content, 'scope', q.scope, 'tags', q.tags, 'confidence', q.confidence),
         'erasure'
  from public.patterns q where q.project_id = project and q.id = pattern;
  -- Found by nothing until it is indexed anew, in the same transaction, by whoever asked for the erasure.
  delete from public.pattern_terms t where t.project_id = project and t.pattern_id = pattern;
  delete from public.pattern_embeddings m where m.project_id = project and m.pattern_id = pattern;
end
$$;

-- Interactions with all that rests on them alone. {"removed": {table: rows}, "changed": {table: rows}, "rewritten": [ids]}
create function motif.erase_interactions(project uuid, interactions uuid[], also text) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  removed jsonb := '{}';
  affected uuid[];
  emptied uuid[];
  pattern uuid;
  counted bigint;
  quotes bigint;
begin
  perform motif.lock_project(project);
  affected := array(
    select distinct e.pattern_id from public.pattern_evidence e
    where e.project_id = project and e.interaction_id = any (interactions)
    union
    -- Of a pattern that has as many quotes as there may be, not every interaction that showed it is quoted.
    select e.pattern_id from public.pattern_evidence e
    where e.project_id = project and cardinality(interactions) > 0
    group by e.pattern_id having count(*) >= 200);
  emptied := array(
    select a from unnest(affected) as a
    where not exists (select from public.pattern_evidence e where e.project_id = project and e.pattern_id = a
                      and e.interaction_id <> all (interactions)));
  affected := array(select a from unnest(affected) as a where a <> all (emptied) order by a);
  removed := motif.erase_patterns(project, emptied);
  select count(*) into quotes from public.pattern_evidence e
  where e.project_id = project and e.interaction_id = any (interactions);
  foreach pattern in array affected loop
    perform motif.rewrite_pattern(
      project, pattern,
      case when (select count(*) from public.pattern_evidence e where e.project_id = project and e.pattern_id = pattern) >= 200
           then interactions
           else array(select distinct e.interaction_id from public.pattern_evidence e
                      where e.project_id = project and e.pattern_id = pattern and e.interaction_id = any (interactions)) end,
      also);
  end loop;

  select count(*) into counted from public.tasks t where t.project_id = project and t.interaction_id = any (interactions);
  removed := motif.add_counts(removed, jsonb_build_object('tasks', counted, 'pattern_evidence', quotes));
  select count(*) into counted from public.interaction_embeddings m
  where m.project_id = project and m.interaction_id = any (interactions);
  removed := motif.add_counts(removed, jsonb_build_object('interaction_embeddings', counted));
  delete from public.interactions i where i.project_id = project and i.id = any (interactions);
  get diagnostics counted = row_count;
  removed := motif.add_counts(removed, jsonb_build_object('interactions', counted));
  -- One under way ends by itself and finds nothing.
  delete from jobs.procrastinate_jobs j
  where j.queue_name = 'motif' and j.status <> 'doing'
    and j.lock = any (select 'interaction:' || i from unnest(interactions) as i);
  get diagnostics counted = row_count;
  removed := motif.add_counts(removed, jsonb_build_object('jobs', counted));
  return jsonb_build_object('removed', removed, 'rewritten', to_jsonb(affected),
                            'changed', motif.add_counts(jsonb_build_object('patterns', cardinality(affected)), '{}'));
end
$$;

-- Whether the transaction is the service's own, with no caller to hold back.
create function motif.is_service() returns boolean
language sql stable set search_path = '' as $$
  select current_setting('role', true) = 'service_role'
$$;

create function motif.refuse_erasure(allowed boolean) returns void
language plpgsql volatile set search_path = '' as $$
begin
  if not coalesce(allowed, false) then
    raise exception 'this erasure is not the caller''s to ask for' using errcode = 'insufficient_privilege';
  end if;
end
$$;

create function motif.audit_erasure(project uuid, what text, target text, removed jsonb) returns void
language sql volatile set search_path = '' as $$
  insert into public.audit (project_id, actor, action, target, details)
  values (project, motif.actor(), 'erasure.' || what, target, jsonb_build_object('removed', removed))
$$;

-- Null where there is no such pattern, as for the following ones.
create function motif.erase_pattern(project uuid, pattern uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  own uuid[];
  removed jsonb;
  told jsonb;
begin
  perform motif.refuse_erasure(motif.is_service()
    or motif.is_person() and project in (select motif.my_projects(array['admin', 'member'])));
  perform motif.lock_project(project);
  if not exists (select from public.patterns p where p.project_id = project and p.id = pattern) then
    return null;
  end if;
  -- One that was brought along, or written by hand, is its own source: that text shows nothing else, and goes along.
  -- What else rests in an import is for admins to erase, though it be this pattern's only evidence.
  own := array(
    select i.id from public.interactions i
    join public.sources s on s.project_id = i.project_id and s.id = i.source_id
    where i.project_id = project and s.kind = 'import'
      and (i.external_key ~ '^(manual|import):'
           and i.id in (select e.interaction_id from public.pattern_evidence e
                        where e.project_id = project and e.pattern_id = pattern)
           or i.external_key = (select p.context_hash from public.patterns p
                                where p.project_id = project and p.id = pattern))
      and not exists (select from public.pattern_evidence o where o.project_id = project
                      and o.interaction_id = i.id and o.pattern_id <> pattern));
  removed := motif.erase_patterns(project, array[pattern]);
  told := motif.erase_interactions(project, own, '');
  told := told || jsonb_build_object('removed', motif.add_counts(removed, told -> 'removed'));
  perform motif.audit_erasure(project, 'pattern', pattern::text, told -> 'removed');
  return told;
end
$$;

create function motif.erase_source(project uuid, source uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  s public.sources;
  told jsonb;
begin
  perform motif.refuse_erasure(motif.is_service()
    or motif.is_person() and project in (select motif.my_projects(array['admin'])));
  perform motif.lock_project(project);
  -- Held, so that nothing comes in any more.
  select * into s from public.sources where project_id = project and id = source for update;
  if not found then
    return null;
  end if;
  told := motif.erase_interactions(
    project, array(select i.id from public.interactions i where i.project_id = project and i.source_id = source),
    s.name || ' ' || s.external_id || ' ' || s.settings::text);
  delete from public.sources where project_id = project and id = source;
  told := told || jsonb_build_object('removed', motif.add_counts(told -> 'removed', '{"sources": 1}'));
  perform motif.audit_erasure(project, 'source', source::text, told -> 'removed');
  return told;
end
$$;

-- Whom an erasure means by a user's id, an address, or an author key: their account, and every key that they wrote under.
-- Mined commits know an address by its hash. Accounts are looked up among the project's members alone: an admin is not to
-- find out who else has one.
create function motif.whom(project uuid, who text, out person uuid, out author_keys text[])
language plpgsql stable set search_path = '' as $$
declare
  mail text;
begin
  if who ~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' then
    person := who;
    select lower(u.email) into mail from public.project_members m join auth.users u on u.id = m.user_id
    where m.project_id = project and u.id = person;
  elsif who like '%@%' then
    mail := lower(btrim(who));
    select u.id into person from public.project_members m join auth.users u on u.id = m.user_id
    where m.project_id = project and lower(u.email) = mail;
  end if;
  author_keys := array_remove(array[who, person::text, 'user:' || person,
                                    'git:' || left(encode(sha256(convert_to(mail, 'UTF8')), 'hex'), 16)], null);
end
$$;

-- What would go with them, for whoever has to confirm it.
create function motif.foresee_person(project uuid, who text) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  meant record;
begin
  perform motif.refuse_erasure(motif.is_service()
    or motif.is_person() and project in (select motif.my_projects(array['admin'])));
  select * into meant from motif.whom(project, who);
  return jsonb_build_object(
    'interactions', (select count(*) from public.interactions i
                     where i.project_id = project and i.author_key = any (meant.author_keys)),
    'pattern_validations', (select count(*) from public.pattern_validations v
                            where v.project_id = project and v.validator_id = meant.person),
    'pattern_usage', (select count(*) from public.pattern_usage u
                      where u.project_id = project and u.user_id = meant.person),
    'project_members', (select count(*) from public.project_members m
                        where m.project_id = project and m.user_id = meant.person));
end
$$;

create function motif.erase_one_person(project uuid, who text) returns jsonb
language plpgsql volatile set search_path = '' as $$
declare
  meant record;
  person uuid;
  told jsonb;
  removed jsonb;
  changed jsonb := '{}';
  judged uuid[];
  counted bigint;
begin
  perform motif.lock_project(project);
  select * into meant from motif.whom(project, who);
  person := meant.person;
  told := motif.erase_interactions(
    project,
    array(select i.id from public.interactions i
          where i.project_id = project and i.author_key = any (meant.author_keys)),
    '');
  removed := told -> 'removed';
  if person is not null then
    judged := array(select v.pattern_id from public.pattern_validations v
                    where v.project_id = project and v.validator_id = person
                    union
                    select u.pattern_id from public.pattern_usage u where u.project_id = project and u.user_id = person
                    order by 1);
    -- Whoever validates or counts at this moment holds the pattern first, too.
    perform from public.patterns p where p.project_id = project and p.id = any (judged) order by p.id for update;
    delete from public.pattern_validations v where v.project_id = project and v.validator_id = person;
    get diagnostics counted = row_count;
    removed := motif.add_counts(removed, jsonb_build_object('pattern_validations', counted));
    delete from public.pattern_usage u where u.project_id = project and u.user_id = person;
    get diagnostics counted = row_count;
    removed := motif.add_counts(removed, jsonb_build_object('pattern_usage', counted));
    perform motif.recount(project, judged);
    changed := jsonb_build_object('pattern_stats', cardinality(judged));
    -- What rests on others' words too stays the team's, without their name on it.
    update public.patterns p set created_by = null where p.project_id = project and p.created_by = person;
    get diagnostics counted = row_count;
    changed := motif.add_counts(changed, jsonb_build_object('patterns', counted));
    update public.pattern_versions v set created_by = 'erased'
    where v.project_id = project
      and (v.created_by in (person::text, 'user:' || person)
           or v.created_by in (select 'agent:' || k.id from public.agent_keys k
                               where k.project_id = project and k.created_by = person));
    get diagnostics counted = row_count;
    changed := motif.add_counts(changed, jsonb_build_object('pattern_versions', counted));
    update public.interactions i set handed_in_by = 'erased'
    where i.project_id = project and i.handed_in_by = 'user:' || person;
    get diagnostics counted = row_count;
    changed := motif.add_counts(changed, jsonb_build_object('interactions', counted));
    update public.projects p set created_by = null where p.id = project and p.created_by = person;
    get diagnostics counted = row_count;
    changed := motif.add_counts(changed, jsonb_build_object('projects', counted));
    delete from public.agent_keys k where k.project_id = project and k.created_by = person;
    get diagnostics counted = row_count;
    removed := motif.add_counts(removed, jsonb_build_object('agent_keys', counted));
    delete from public.project_members m where m.project_id = project and m.user_id = person;
    get diagnostics counted = row_count;
    removed := motif.add_counts(removed, jsonb_build_object('project_members', counted));
  end if;
  -- An author key may be a name: it does not go into what cannot be erased.
  perform motif.audit_erasure(project, 'person', coalesce(person::text, ''), removed);
  return told || jsonb_build_object('removed', removed, 'changed', motif.add_counts(told -> 'changed', changed));
end
$$;

create function motif.erase_person(project uuid, who text) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform motif.refuse_erasure(motif.is_service()
    or motif.is_person() and project in (select motif.my_projects(array['admin'])));
  if not exists (select from public.projects p where p.id = project) then
    return null;
  end if;
  return motif.erase_one_person(project, who);
end
$$;

-- Of whoever asks, in every project where something of theirs lies, whether or not they still belong to it.
create function motif.erase_me() returns table (project_id uuid, erased jsonb)
language plpgsql volatile security definer set search_path = '' as $$
declare
  me uuid := (select auth.uid());
begin
  perform motif.refuse_erasure(motif.is_person());
  for project_id in
    select m.project_id from public.project_members m where m.user_id = me
    union select v.project_id from public.pattern_validations v where v.validator_id = me
    union select u.project_id from public.pattern_usage u where u.user_id = me
    union select i.project_id from public.interactions i where i.author_key in (me::text, 'user:' || me)
    union select p.project_id from public.patterns p where p.created_by = me
    union select p.id from public.projects p where p.created_by = me
    order by 1
  loop
    erased := motif.erase_one_person(project_id, me::text);
    return next;
  end loop;
end
$$;

create function motif.erase_project(project uuid) returns jsonb
language plpgsql volatile security definer set search_path = '' as $$
declare
  removed jsonb := '{}';
  counted bigint;
  held text;
begin
  perform motif.refuse_erasure(motif.is_service() or motif.is_operator()
    or motif.is_person() and project in (select motif.my_projects(array['admin'])));
  perform motif.lock_project(project);
  perform from public.projects p where p.id = project for update;
  if not found then
    return null;
  end if;
  perform from public.patterns p where p.project_id = project order by p.id for update;
  for held in
    select c.relname from pg_catalog.pg_class c
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'project_id' and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'audit'
    order by c.relname
  loop
    execute format('select count(*) from public.%I where project_id = $1', held) into counted using project;
    removed := removed || jsonb_build_object(held, counted);
  end loop;
  delete from jobs.procrastinate_jobs j
  where j.queue_name = 'motif' and j.status <> 'doing'
    and (j.lock = 'learn:' || project or j.args ->> 'project_id' = project::text
         or j.lock = any (select 'interaction:' || i.id from public.interactions i where i.project_id = project));
  get diagnostics counted = row_count;
  removed := removed || jsonb_build_object('jobs', counted);
  delete from public.projects p where p.id = project;
  removed := motif.add_counts(removed, '{"projects": 1}');
  perform motif.audit_erasure(project, 'project', project::text, removed);
  return jsonb_build_object('removed', removed, 'changed', '{}'::jsonb, 'rewritten', '[]'::jsonb);
end
$$;

-- Retention: a batch of what one source has kept for longer than it may; null when nothing is left. For the service.
create function motif.erase_expired(most integer) returns table (project_id uuid, source_id uuid, erased jsonb)
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform motif.refuse_erasure(motif.is_service());
  select s.project_id, s.id into project_id, source_id from public.sources s
  where s.retention_days is not null
    and exists (select from public.interactions i where i.project_id = s.project_id and i.source_id = s.id
                and i.created_at < now() - make_interval(days => s.retention_days))
  order by s.project_id, s.id limit 1;
  if not found then
    return;
  end if;
  erased := motif.erase_interactions(
    project_id,
    array(select i.id from public.interactions i join public.sources s on s.project_id = i.project_id and s.id = i.source_id
          where i.project_id = erase_expired.project_id and i.source_id = erase_expired.source_id
            and i.created_at < now() - make_interval(days => s.retention_days)
          order by i.created_at, i.id limit most),
    '');
  perform motif.audit_erasure(project_id, 'retention', source_id::text, erased -> 'removed');
  return next;
end
$$;
-- Has the freed pages of an embedded database rewritten before long, by one job for all erasures until then.
create function motif.defer_scrub(wait interval) returns void
language plpgsql volatile security definer set search_path = '' as $$
begin
  perform jobs.procrastinate_defer_jobs_v1(array[
    row('motif', 'scrub', 0, 'scrub', 'scrub', '{}'::jsonb, now() + wait)::jobs.procrastinate_job_to_defer_v1]);
exception when unique_violation then
  null;  -- one waits already
end
$$;
create index interactions_age on public.interactions (project_id, source_id, created_at);
create index interactions_author on public.interactions (project_id, author_key) where author_key is not null;

-- A pattern of another's search rows is none of ours: only who may erase at all has these.
revoke all on function motif.plain(text), motif.stems(text), motif.sentences(text), motif.runs(text),
  motif.strings_in(jsonb), motif.forget(text, text[]), motif.forget_in(jsonb, text[]),
  motif.said_by(public.interactions), motif.tainted(text[], uuid, uuid[], uuid[], text), motif.add_counts(jsonb, jsonb),
  motif.recount(uuid, uuid[]), motif.erase_patterns(uuid, uuid[]), motif.rewrite_pattern(uuid, uuid, uuid[], text),
  motif.erase_interactions(uuid, uuid[], text), motif.is_service(), motif.refuse_erasure(boolean),
  motif.audit_erasure(uuid, text, text, jsonb), motif.erase_pattern(uuid, uuid), motif.erase_source(uuid, uuid),
  motif.whom(uuid, text), motif.foresee_person(uuid, text), motif.erase_one_person(uuid, text), motif.erase_person(uuid, text), motif.erase_me(), motif.erase_project(uuid),
  motif.erase_expired(integer), motif.defer_scrub(interval)
  from public, anon, authenticated, service_role;
grant execute on function motif.erase_pattern(uuid, uuid), motif.erase_source(uuid, uuid), motif.erase_person(uuid, text),
  motif.erase_project(uuid), motif.foresee_person(uuid, text) to motif_api, service_role;
grant execute on function motif.erase_me() to motif_api;
grant execute on function motif.erase_expired(integer), motif.defer_scrub(interval) to service_role;

-- Whoever deletes rows by themselves leaves traces of them.
drop policy remove on public.projects;
drop policy remove on public.sources;
drop policy remove on public.interactions;
drop policy remove on public.patterns;
revoke delete on public.projects, public.sources, public.interactions, public.patterns from motif_api;

comment on schema motif is 'version 20261120001000';
