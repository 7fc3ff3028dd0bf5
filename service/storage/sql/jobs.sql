-- name: become_queue
-- A transaction of the queue's own: its role, its schema, and how long it may stand still.
select set_config('search_path', 'jobs', true), set_config('idle_in_transaction_session_timeout', %s, true),
       set_config('role', 'service_role', true)

-- name: list_jobs
-- Jobs of one status or all: running first, then waiting in the order they will be taken, then failed, newest first.
select j.id, j.task_name as task, coalesce(i.project_id, (j.args ->> 'project_id')::uuid) as project_id,
       (j.args ->> 'interaction_id')::uuid as interaction_id, j.priority, j.status::text as status, j.attempts,
       j.scheduled_at,
       case when j.task_name = 'learn_history' then (
              select c.error from public.interactions c
              where c.project_id = (j.args ->> 'project_id')::uuid and c.kind = 'commit' and c.error is not null
                and c.state in ('received', 'processing')
              limit 1)
            else i.error end as error
from jobs.procrastinate_jobs j
left join public.interactions i on i.id = (j.args ->> 'interaction_id')::uuid
where j.queue_name = 'motif' and (%(status)s::text is null or j.status::text = %(status)s)
order by case j.status when 'doing' then 0 when 'todo' then 1 when 'failed' then 2 else 3 end,
         case when j.status = 'todo' then -j.priority end, case when j.status = 'todo' then j.id else -j.id end
limit %(limit)s

-- name: status_of
-- One job's status.
select status::text as status from jobs.procrastinate_jobs where queue_name = 'motif' and id = %(id)s

-- name: retry_failed
-- Failed jobs, one or all, wait again with all their attempts before them: procrastinate's own procedure leaves none.
with again as (
  update jobs.procrastinate_jobs set status = 'todo', attempts = 0, scheduled_at = null, worker_id = null
  where queue_name = 'motif' and status = 'failed' and (%(id)s::bigint is null or id = %(id)s)
  returning id, args
), opened as (
  update public.interactions i set state = 'received', error = null
  from again where i.id = (again.args ->> 'interaction_id')::uuid and i.state = 'failed'
)
select id from again

-- name: wake
-- Workers hear of new jobs by themselves, not of old ones that wait again.
select pg_notify('procrastinate_queue_v1#motif', '{"type": "job_inserted", "job_id": 0}')

-- name: hold_jobs
-- Waits for transactions that count on one of these jobs, and keeps workers from taking one.
select id from jobs.procrastinate_jobs where lock = %(lock)s and status in ('todo', 'failed') for update

-- name: cancel_learn
-- Jobs of a project whose history is learned; none while a commit of it waits.
delete from jobs.procrastinate_jobs
where lock = %(lock)s and status in ('todo', 'failed')
  and not exists (select from public.interactions where project_id = %(project_id)s and kind = 'commit'
                  and state in ('received', 'processing'))

-- name: cancel_process
-- Jobs of an interaction that is done, or gone.
delete from jobs.procrastinate_jobs
where lock = %(lock)s and status in ('todo', 'failed')
  and not exists (select from public.interactions where id = %(interaction_id)s and state in ('received', 'processing'))

-- name: fail_interaction
-- Nobody will try any more, until somebody asks for it.
update public.interactions set state = 'failed', error = %(error)s, processed_at = now()
where id = %(interaction_id)s and state in ('received', 'processing')

-- name: note_learning_error
-- A project's commits go on waiting: the next one that comes, or `motif jobs retry`, has all of them tried again.
update public.interactions set error = %(error)s
where project_id = %(project_id)s and kind = 'commit' and state in ('received', 'processing')

-- name: postpone_learning
-- One job of the project, not to be started for a while.
select motif.defer_learning(%(project_id)s, %(priority)s, now() + make_interval(secs => %(wait_s)s))

-- name: do_not_hold_up
-- Ends this transaction's session when its process is frozen in the middle: others wait for what it has locked.
select set_config('idle_in_transaction_session_timeout', %(milliseconds)s, true)

-- name: drop_lost_sweeps
-- The next sweep does what a sweep of a dead worker would have done.
delete from jobs.procrastinate_jobs j
where j.queue_name = 'motif' and j.task_name = 'sweep' and j.status = 'doing'
  and not exists (select from jobs.procrastinate_workers w
                  where w.id = j.worker_id and w.last_heartbeat >= now() - make_interval(secs => %(stalled_s)s))

-- name: rescue
-- Jobs whose worker gave no sign of life: waiting again, or failed when they had all their attempts.
with lost as (
  select j.id from jobs.procrastinate_jobs j
  where j.queue_name = 'motif' and j.status = 'doing'
    and not exists (select from jobs.procrastinate_workers w
                    where w.id = j.worker_id and w.last_heartbeat >= now() - make_interval(secs => %(stalled_s)s))
  for update of j skip locked
)
update jobs.procrastinate_jobs j
set status = (case when j.attempts + 1 < %(attempts)s then 'todo' else 'failed' end)::jobs.procrastinate_job_status,
    attempts = j.attempts + 1, scheduled_at = null, worker_id = null, abort_requested = false
from lost where j.id = lost.id
returning j.id, j.task_name as task, j.status::text as status, (j.args ->> 'interaction_id')::uuid as interaction_id,
          (j.args ->> 'project_id')::uuid as project_id

-- name: give_back
-- A job that its worker ended but could not say so. Nothing when the queue knows better.
update jobs.procrastinate_jobs
set status = 'todo', attempts = attempts + 1, scheduled_at = null, worker_id = null, abort_requested = false
where id = %(id)s and status = 'doing' and worker_id = %(worker_id)s
returning id

-- name: defer_stranded
-- Jobs for interactions that wait without one.
select motif.defer_stranded(make_interval(secs => %(stranded_s)s)) as deferred

-- name: prune_jobs
-- Jobs that ended and were left alone long enough.
delete from jobs.procrastinate_jobs j
where j.queue_name = 'motif' and j.status in ('succeeded', 'failed', 'cancelled', 'aborted')
  and not exists (select from jobs.procrastinate_events e
                  where e.job_id = j.id and e.at > now() - make_interval(secs => %(keep_s)s))

-- name: prune_workers
-- Workers that were killed long ago.
delete from jobs.procrastinate_workers where last_heartbeat < now() - interval '1 hour'

-- name: busy
-- Whether a worker has, or could take, a job now. A job whose lock another worker holds is that one's business.
select exists (
  select from jobs.procrastinate_jobs j
  where j.queue_name = 'motif'
    and (j.status = 'doing' and j.worker_id = %(worker_id)s
         or j.status = 'todo' and (j.scheduled_at is null or j.scheduled_at <= now())
            and not exists (select from jobs.procrastinate_jobs o
                            where o.lock = j.lock and o.status = 'doing' and o.worker_id is distinct from %(worker_id)s))
) as busy
