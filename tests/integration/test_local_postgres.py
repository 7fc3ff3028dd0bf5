"""The embedded server's life: who starts it, who stops it, and what a kill -9 leaves behind."""

import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import PGconn, Ping

from service.errors import DatabaseUnavailable
from service.local_postgres.server import LocalPostgres, open_local
from service.settings import Settings

ROOT = Path(__file__).parents[2]
NOBODY = pwd.getpwnam("nobody").pw_uid

User = subprocess.Popen[str]
Start = Callable[..., User]


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    return Settings(_env_file=None, data_dir=data_dir)


@pytest.fixture
def start_user(data_dir: Path) -> Iterator[Start]:
    """Starts processes that use the server of `data_dir`, each in a session of its own like one from a terminal."""
    started: list[User] = []

    def start(*arguments: str) -> User:
        user = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("local_postgres_user.py"), data_dir, *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(user)
        return user

    yield start
    for user in started:
        if user.poll() is None:
            user.kill()
        user.communicate()


def where(user: User) -> str:
    """URL of the server that a process uses, once it does."""
    assert user.stdout is not None
    return user.stdout.readline().strip()


def leave(user: User) -> None:
    """Let a process end as it does by itself."""
    user.communicate(timeout=60)
    assert user.returncode == 0


def answers(url: str) -> bool:
    return PGconn.ping(url.encode()) == Ping.OK


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def write_a_row(server: LocalPostgres) -> None:
    with psycopg.connect(server.url()) as connection:
        connection.execute("create table public.kept (n integer)")
        connection.execute("insert into public.kept values (42)")


def read_the_row(server: LocalPostgres) -> int:
    with psycopg.connect(server.url()) as connection:
        [(number,)] = connection.execute("select n from public.kept").fetchall()
        return number


def test_the_first_opening_makes_a_database_of_the_version_that_is_set(settings: Settings) -> None:
    with open_local(settings) as server, psycopg.connect(server.url()) as connection:
        assert connection.info.server_version // 10_000 == settings.postgres_version == server.version


def test_the_data_is_kept_from_one_use_to_the_next(settings: Settings) -> None:
    with open_local(settings) as server:
        write_a_row(server)
    with open_local(settings) as server:
        assert read_the_row(server) == 42


def test_the_last_one_to_leave_stops_the_server(settings: Settings) -> None:
    first, second = open_local(settings), open_local(settings)
    url = first.url()
    assert second.url() == url
    first.close()
    assert answers(url)
    second.close()
    assert not answers(url)


def test_leaving_twice_is_harmless_and_the_url_is_gone_with_the_first(settings: Settings) -> None:
    server = open_local(settings)
    server.close()
    server.close()
    with pytest.raises(DatabaseUnavailable):
        server.url()


def test_processes_that_open_a_fresh_folder_at_once_share_one_server(start_user: Start, data_dir: Path) -> None:
    users = [start_user() for _ in range(3)]
    urls = [where(user) for user in users]
    assert urls[0].startswith("postgresql://")
    assert set(urls) == {urls[0]}
    leave(users[0])
    assert answers(urls[0])
    leave(users[1])
    leave(users[2])
    assert not answers(urls[0])


def test_a_killed_user_does_not_take_the_server_along_nor_keep_it_running_for_ever(
    start_user: Start, data_dir: Path, settings: Settings
) -> None:
    user = start_user()
    url = where(user)
    pid = postmaster(data_dir)
    user.kill()
    user.wait()
    assert answers(url)
    with open_local(settings):
        assert postmaster(data_dir) == pid
    assert not answers(url)


def test_a_ctrl_c_in_the_terminal_that_started_it_leaves_the_server_to_the_others(
    start_user: Start, settings: Settings
) -> None:
    starter = start_user()
    url = where(starter)
    with open_local(settings):
        os.killpg(starter.pid, signal.SIGINT)
        starter.wait()
        with psycopg.connect(url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    assert not answers(url)


def test_a_killed_server_is_started_again_by_the_next_opening_with_what_was_committed(
    settings: Settings, data_dir: Path
) -> None:
    with open_local(settings) as before:
        write_a_row(before)
        os.kill(postmaster(data_dir), signal.SIGKILL)
        with open_local(settings) as after:
            assert read_the_row(after) == 42


def test_a_process_whose_server_was_killed_can_start_it_again(settings: Settings, data_dir: Path) -> None:
    with open_local(settings) as server:
        write_a_row(server)
        os.kill(postmaster(data_dir), signal.SIGKILL)
        server.ensure_running()
        assert read_the_row(server) == 42


def test_a_left_over_pid_that_is_another_programs_by_now_does_not_prevent_a_start(
    settings: Settings, data_dir: Path, postgres_server: LocalPostgres
) -> None:
    with open_local(settings):
        pass
    with psycopg.connect(postgres_server.url()) as connection:
        alive = connection.info.backend_pid
        # As a machine that lost its power leaves it: the file of a server that is no more.
        left_over = data_dir / "postgres" / "data" / "postmaster.pid"
        left_over.write_text(f"{alive}\n{left_over.parent}\n1700000000\n5432\n{data_dir}\n\n  1 2\nready\n")
        with open_local(settings) as server:
            assert answers(server.url())


def test_a_start_that_is_killed_while_it_makes_the_database_is_made_good_by_the_next(
    start_user: Start, data_dir: Path, settings: Settings
) -> None:
    user = start_user()
    while not list(data_dir.glob("postgres/new-*/PG_VERSION")):
        assert user.poll() is None
    user.kill()
    user.wait()
    with open_local(settings) as server:
        assert answers(server.url())


def test_a_folder_keeps_the_version_that_made_it(data_dir: Path) -> None:
    for version in (16, 18):
        with open_local(Settings(_env_file=None, data_dir=data_dir, postgres_version=version)) as server:
            assert server.version == 16


@pytest.mark.parametrize("name", ["long" * 40, "a, b", 'it\'s a "folder" 100% $HOME `id`', "ö"])
def test_any_path_will_do(data_dir: Path, name: str) -> None:
    settings = Settings(_env_file=None, data_dir=data_dir / name)
    with open_local(settings) as server, psycopg.connect(server.url()) as connection:
        [(folders,)] = connection.execute("show unix_socket_directories").fetchall()
        folder = Path(folders.removeprefix('"').removesuffix('"').replace('""', '"'))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    # What lies outside of the data folder is gone with the server.
    assert folder.is_relative_to(data_dir) or not folder.exists()


def test_nobody_else_reaches_the_socket_or_the_data(settings: Settings, data_dir: Path) -> None:
    with open_local(settings):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [*data_dir.iterdir(), data_dir]}
        # As root the server is another user, who has to pass through the folder; reading it is not for anybody.
        assert modes.pop(data_dir.name) in {0o700, 0o701}
        assert modes == {"motif-data.json": 0o600, "postgres": 0o700}


def test_an_ordinary_user_has_a_server_of_their_own(data_dir: Path, start_user: Start) -> None:
    if os.geteuid() == 0:
        data_dir.mkdir()
        os.chown(data_dir, NOBODY, NOBODY)
        data_dir.parent.chmod(0o711)
        user = start_user(str(NOBODY))
        owner = NOBODY
    else:
        user = start_user()
        owner = os.geteuid()
    assert answers(where(user))
    assert (data_dir / "postgres" / "data").stat().st_uid == owner
    leave(user)


def test_it_listens_on_no_port_and_logs_neither_statements_nor_rows(settings: Settings, data_dir: Path) -> None:
    with open_local(settings) as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            assert connection.execute("show listen_addresses").fetchone() == ("",)
            connection.execute("create table public.t (secret text not null check (secret <> 'hunter2'))")
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute("insert into public.t values ('hunter2')")
            with pytest.raises(psycopg.errors.InvalidTextRepresentation):
                connection.execute("select 'hunter2'::uuid")
        assert server.tcp_url() is None
    log = (data_dir / "postgres" / "server.log").read_text()
    assert "database system is ready" in log
    # Neither what an error quotes of a row, nor that there was one: some quote the value in their first line.
    assert "ERROR" not in log
    assert "hunter2" not in log
