-- name: patience
-- Whoever wants a table waits behind us, so we give up before they do.
set lock_timeout = '5s'

-- name: tables
-- Every table of ours, the small ones of the queue first.
select c.oid::regclass::text as name
from pg_catalog.pg_class c
where c.relkind in ('r', 'm') and c.relnamespace in (select n.oid from pg_catalog.pg_namespace n
                                                     where n.nspname in ('public', 'motif', 'jobs', 'auth', 'realtime'))
order by c.relnamespace <> 'jobs'::regnamespace, c.relpages

-- name: partitioned
-- Tables that hold no rows of their own but have statistics.
select c.oid::regclass::text as name
from pg_catalog.pg_class c
where c.relkind = 'p' and c.relnamespace in (select n.oid from pg_catalog.pg_namespace n
                                             where n.nspname in ('public', 'motif', 'realtime'))
order by 1

-- name: forget_statistics
-- Samples of what stood in the tables: analyzing an empty one leaves them as they are.
delete from pg_catalog.pg_statistic s using pg_catalog.pg_class c
where c.oid = s.starelid and c.relnamespace in (select n.oid from pg_catalog.pg_namespace n
                                                where n.nspname in ('public', 'motif', 'jobs', 'auth', 'realtime'))

-- name: catalogs
-- Where the samples themselves lie.
select name from (values ('pg_catalog.pg_statistic'), ('pg_catalog.pg_statistic_ext_data')) as t (name)

-- name: segments_ahead
-- Segments of the write-ahead log that were kept to be written over, by a server that still did so.
select count(*) as ahead from pg_catalog.pg_ls_waldir()
where name ~ '^[0-9A-F]{24}$' and name > pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn())

-- name: next_segment
-- Goes on to the next segment, which an empty one would not.
select pg_catalog.pg_logical_emit_message(false, 'motif', 'scrub'), pg_catalog.pg_switch_wal()

-- name: checkpoint
-- Writes what is in memory, and removes the files and segments that nobody needs any more.
checkpoint
