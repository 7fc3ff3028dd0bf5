"""The real pgbouncer, where a machine has one: what holds through our small pooler is held against it too."""

import asyncio
import os
import pwd
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

CONFIGURATION = """
[databases]
* = host={host} port={port} user=motif_service
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listens}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {servers}
max_client_conn = 50
"""


def is_here() -> bool:
    """Whether there is one to be run."""
    return shutil.which("pgbouncer") is not None


@asynccontextmanager
async def pgbouncer(folder: Path, socket_path: Path, database: str, servers: int) -> AsyncIterator[str]:
    """Its URL, as long as the block lasts; all clients share so many server connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listens = probe.getsockname()[1]
    port = socket_path.name.rpartition(".")[2]
    configured = folder / "pgbouncer.ini"
    configured.write_text(
        CONFIGURATION.format(host=socket_path.parent, port=port, listens=listens, servers=servers), "utf-8"
    )
    # It refuses to run as root; the owner of the socket may enter its folder.
    who = ["-u", _owner(socket_path)] if os.geteuid() == 0 else []
    program = shutil.which("pgbouncer")
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        program, *who, str(configured), stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        assert process.stderr is not None
        while b"process up" not in (line := await process.stderr.readline()):
            assert line, "pgbouncer ended at its start"
        said = asyncio.create_task(process.stderr.read())  # or it would wait for somebody to read what it says
        yield f"postgresql://motif_service@127.0.0.1:{listens}/{database}?sslmode=disable"
    finally:
        process.kill()
        await process.wait()
    await said


def _owner(path: Path) -> str:
    return pwd.getpwuid(path.stat().st_uid).pw_name
