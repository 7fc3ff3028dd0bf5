-- What must not be found in the schemas that are ours. Each statement names one kind of fault and gives where it is.

-- name: table_without_rls
select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('public', 'motif') and c.relkind in ('r', 'p') and not c.relrowsecurity;

-- A function of the claims that is asked again for every row: it stands in a policy without a "select" of its own.
-- name: policy_with_unwrapped_call
select p.tablename || '.' || p.policyname from pg_policies p
where p.schemaname = 'public'
  and regexp_replace(coalesce(p.qual, '') || ' ' || coalesce(p.with_check, ''),
                     '\mSELECT (auth|motif)\.\w+\(|\mSELECT current_setting\(', '', 'g')
      ~ '\m(auth|motif)\.\w+\(|\mcurrent_setting\(';

-- Of several that allow the same to the same role, each is asked for every row.
-- name: policies_that_say_the_same
select y.polrelid::regclass || '.' || r.role::regrole || '.' || k.kind
from pg_policy y, unnest(y.polroles) as r (role),
  unnest(case y.polcmd when '*' then array['r', 'a', 'w', 'd'] else array[y.polcmd::text] end) as k (kind)
where y.polpermissive and y.polrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
group by y.polrelid, r.role, k.kind having count(*) > 1;

-- Every column that a policy looks rows up by leads an index, or follows in one that another of its columns leads.
-- name: policy_column_without_index
with policy_columns as (
  select y.oid, y.polrelid, y.polname, array_agg(distinct d.refobjsubid::smallint) as columns
  from pg_policy y join pg_depend d on d.classid = 'pg_policy'::regclass and d.objid = y.oid
    and d.refclassid = 'pg_class'::regclass and d.refobjid = y.polrelid and d.refobjsubid > 0
  where y.polcmd <> 'a' and y.polrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
  group by y.oid, y.polrelid, y.polname
)
select p.polrelid::regclass || '.' || p.polname || '.' || a.attname
from policy_columns p cross join unnest(p.columns) as wanted (number)
join pg_attribute a on a.attrelid = p.polrelid and a.attnum = wanted.number
where not exists (select from pg_index i where i.indrelid = p.polrelid and i.indpred is null
                  and wanted.number = any (i.indkey::smallint[]) and i.indkey[0] = any (p.columns));

-- The columns of a key are the first of an index, in any order.
-- name: foreign_key_without_index
select c.conrelid::regclass || '.' || c.conname from pg_constraint c
where c.contype = 'f' and c.connamespace in ('public'::regnamespace, 'motif'::regnamespace) and c.conparentid = 0
  and not exists (select from pg_index i where i.indrelid = c.conrelid
                  and c.conkey <@ (i.indkey::smallint[])[0:cardinality(c.conkey) - 1]);

-- name: function_without_search_path
select f.oid::regprocedure::text from pg_proc f
where f.pronamespace::regnamespace::text in ('public', 'motif', 'jobs')
  and not exists (select from unnest(f.proconfig) as setting where setting like 'search_path=%')
  and not exists (select from pg_depend d where d.objid = f.oid and d.deptype = 'e');

-- name: definer_function_for_everybody
select f.oid::regprocedure::text from pg_proc f
where f.pronamespace::regnamespace::text in ('public', 'motif', 'jobs') and f.prosecdef
  and (has_function_privilege('anon', f.oid, 'EXECUTE')
       or exists (select from aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) x where x.grantee = 0));

-- name: view_of_auth_users
select distinct c.relname::text from pg_class c
join pg_rewrite r on r.ev_class = c.oid
join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refobjid = 'auth.users'::regclass
where c.relnamespace = 'public'::regnamespace;
