"""Real things for every test: one embedded Postgres for the run, a fresh migrated database for each test."""

import asyncio
import os
import shutil
import signal
import socket
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from service.local_postgres.bootstrap import bootstrap
from service.local_postgres.server import LocalPostgres, open_local
from service.matching.embed import LocalEmbedder, open_embedder
from service.settings import Settings
from service.storage.migrate import migrate

TEMPLATE = "motif_template"
RUN_FOLDER = "MOTIF_TEST_RUN_FOLDER"
CLIENTS = Path(__file__).parent / "clients"


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As for what a shell runs in the background; what tests start would inherit it and never hear of a Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):  # a worker of xdist: the run's own process has seen to it
        return
    for name in [name for name in os.environ if name.startswith("MOTIF_") and name != "MOTIF_POSTGRES_VERSION"]:
        del os.environ[name]  # tests set Motif themselves; only the version is chosen outside
    os.environ["MOTIF_OLLAMA_URL"] = "none"  # one that happens to run on this machine is not to take part
    # Not under pytest's own temporary folder: pytest closes that to others, and as root Postgres is another user.
    os.environ[RUN_FOLDER] = tempfile.mkdtemp(prefix="motif-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(RUN_FOLDER), ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[LocalPostgres]:
    """The run's embedded server, shared by the workers of xdist; MOTIF_POSTGRES_VERSION=16 runs all tests on 16."""
    with open_local(Settings(_env_file=None, data_dir=Path(os.environ[RUN_FOLDER]) / "shared")) as server:
        _let_it_forget(server)
        yield server


@pytest.fixture(scope="session")
def tcp_postgres_server() -> Iterator[LocalPostgres]:
    """A server that listens on TCP too, for clients that speak nothing else; each worker of xdist has its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data_dir = Path(os.environ[RUN_FOLDER]) / f"tcp-{port}"
    with open_local(Settings(_env_file=None, data_dir=data_dir, postgres_port=port)) as server:
        _let_it_forget(server)
        yield server


@pytest.fixture(scope="session")
async def migrated_template(postgres_server: LocalPostgres) -> str:
    """Name of a migrated database to copy, made once a run."""
    return await asyncio.to_thread(_make_template, postgres_server)


@pytest.fixture
def database_name(postgres_server: LocalPostgres, migrated_template: str) -> Iterator[str]:
    """A fresh migrated database on the run's server, dropped afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        admin.execute(f"create database {name} template {migrated_template}")
        yield name
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def database_url(postgres_server: LocalPostgres, database_name: str) -> str:
    """URL of a fresh migrated database, as the administrator."""
    return postgres_server.url("postgres", database_name)


@pytest.fixture
def service_url(postgres_server: LocalPostgres, database_name: str) -> str:
    """URL of the same fresh database, as the role that the service logs in with."""
    return postgres_server.url("motif_service", database_name)


@pytest.fixture
def empty_database_url(postgres_server: LocalPostgres) -> Iterator[str]:
    """URL of a database without tables and without the bootstrap, as the administrator."""
    name = f"empty_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        admin.execute(f"create database {name} template template0")
        yield postgres_server.url("postgres", name)
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that does not exist yet, for one installation of a test's own."""
    path = Path(tempfile.mkdtemp(dir=os.environ[RUN_FOLDER])) / "data"
    yield path
    shutil.rmtree(path.parent, ignore_errors=True)


@pytest.fixture(scope="session")
def embedder() -> Iterator[LocalEmbedder]:
    """The default model, exported once a run into the folder that the run shares."""
    opened = open_embedder(Settings(_env_file=None, data_dir=Path(os.environ[RUN_FOLDER]) / "shared"))
    assert opened is not None
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def client_program() -> Callable[[str], str]:
    """Path of a program that tests hold Motif against, by name. Those of npm come from scripts/set-up-clients.sh.

    Where Node or curl is missing the test says so and is skipped; with CI=true it fails, since nobody reads what was
    skipped there.
    """

    def find(name: str) -> str:
        needed = "curl" if name == "curl" else "node"
        if shutil.which(needed) is None:
            reason = f"{needed} is missing: what the official clients do was not tried"
            pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
        program = shutil.which(name, path=f"{CLIENTS / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}")
        assert program, "run scripts/set-up-clients.sh, as `make test` does"
        return program

    return find


def _let_it_forget(server: LocalPostgres) -> None:
    """Nothing here has to survive a power cut."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            admin.execute(f"alter system set {setting} = off")
        admin.execute("select pg_reload_conf()")


def _make_template(server: LocalPostgres) -> str:
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("select pg_advisory_lock(1)")  # the workers of xdist come here at once
        if admin.execute("select from pg_database where datname = %s", (TEMPLATE,)).fetchone() is None:
            # Under another name until it is whole: a migration that fails must fail for every worker.
            unfinished = f"{TEMPLATE}_unfinished"
            admin.execute(f"drop database if exists {unfinished}")
            admin.execute(f"create database {unfinished} template template0")
            url = server.url("postgres", unfinished)
            asyncio.run(bootstrap(url))
            asyncio.run(migrate(url))
            admin.execute(f"alter database {unfinished} rename to {TEMPLATE}")
    return TEMPLATE
