-- What stands in the way of the bootstrap: its mark if it has run here, whose role we are, what else is there.
select
  coalesce(obj_description(to_regnamespace('auth'), 'pg_namespace'), '') as mark,
  (select rolsuper from pg_catalog.pg_roles where rolname = current_user) as superuser,
  array(
    select coalesce(relation.relnamespace::regnamespace || '.' || relation.relname, '') as name
    from pg_catalog.pg_class relation
    where relation.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and relation.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema')
      and relation.relnamespace::regnamespace::text !~ '^pg_(toast|temp)'
      and not exists (
        select from pg_catalog.pg_depend dependency
        where dependency.classid = 'pg_catalog.pg_class'::regclass
          and dependency.objid = relation.oid and dependency.deptype = 'e')
    order by name
    limit 5
  ) as relations
