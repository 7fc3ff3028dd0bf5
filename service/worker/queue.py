"""The queue on its own connections: procrastinate in schema `jobs`."""

import procrastinate

from service.worker.tasks import Work, register


def create_queue(url: str, work: Work) -> procrastinate.App:
    """The queue with its tasks, not yet open; `url` as the role the service logs in with."""
    # A worker that is frozen in the middle of a statement's transaction must not hold others up once it counts as dead.
    idle_ms = round(work.pace.stalled_s * 1000)
    connector = procrastinate.PsycopgConnector(
        conninfo=url,
        kwargs={
            "application_name": "motif-queue",
            # As a transaction of the service does it; a connection with no role set sees nothing.
            "options": f"-c role=service_role -c search_path=jobs -c idle_in_transaction_session_timeout={idle_ms}",
            # A database that vanished without a word is noticed before its jobs are given to others.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
        },
        min_size=1,
        # Fetching, the heartbeat, the periodic jobs and the end of jobs; listening has a connection of its own.
        max_size=3,
        timeout=5,
        name="motif-queue",
    )
    queue = procrastinate.App(connector=connector)
    register(queue, work)
    return queue
