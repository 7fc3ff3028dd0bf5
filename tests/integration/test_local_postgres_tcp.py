"""The embedded server on a port: loopback only, a password for it, and never against those who use it already."""

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from service.errors import ConfigurationError, PortInUse
from service.local_postgres.server import LocalPostgres, open_local
from service.settings import Settings


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def with_port(data_dir: Path, free_port: int) -> Settings:
    return Settings(_env_file=None, data_dir=data_dir, postgres_port=free_port)


@pytest.fixture
def without_port(data_dir: Path) -> Settings:
    return Settings(_env_file=None, data_dir=data_dir)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def tcp_url(server: LocalPostgres, role: str = "postgres") -> str:
    url = server.tcp_url(role)
    assert url is not None
    return url


def connects(url: str) -> bool:
    with psycopg.connect(url, connect_timeout=10) as connection:
        return connection.execute("select 1").fetchone() == (1,)


def test_the_administrator_and_the_authenticator_connect_with_the_password(with_port: Settings) -> None:
    with open_local(with_port) as server:
        assert connects(tcp_url(server))
        assert connects(tcp_url(server, "authenticator"))


def test_the_password_is_in_a_file_for_its_owner_alone_and_in_no_log(with_port: Settings) -> None:
    with open_local(with_port):
        file = with_port.data_dir / "postgres-password"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text().strip() not in (with_port.data_dir / "postgres" / "server.log").read_text()


@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_wrong_password_is_refused(with_port: Settings, password: str) -> None:
    with open_local(with_port), pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(
            host="127.0.0.1", port=with_port.postgres_port, user="postgres", password=password, dbname="postgres"
        )


def test_a_role_without_a_password_does_not_get_in(with_port: Settings) -> None:
    with open_local(with_port) as server, psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("create role somebody login")
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(tcp_url(server, "somebody"))


def test_it_listens_on_loopback_only_and_writes_what_subscribers_need(with_port: Settings) -> None:
    with open_local(with_port) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("show wal_level").fetchone() == ("logical",)
        assert connection.execute("show password_encryption").fetchone() == ("scram-sha-256",)


def test_a_removed_password_file_means_a_new_password(with_port: Settings) -> None:
    with open_local(with_port) as server:
        old = tcp_url(server)
    (with_port.data_dir / "postgres-password").unlink()
    with open_local(with_port) as server:
        assert connects(tcp_url(server))
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(old)


def test_a_port_that_is_taken_is_named_and_does_no_harm(without_port: Settings, taken_port: int) -> None:
    with pytest.raises(PortInUse, match=f"{taken_port}.*MOTIF_POSTGRES_PORT"):
        open_local(without_port.model_copy(update={"postgres_port": taken_port}))
    with open_local(without_port) as server:
        assert connects(server.url())


def test_a_port_is_not_opened_under_those_who_run_without_one(with_port: Settings, without_port: Settings) -> None:
    with open_local(without_port) as server:
        with pytest.raises(ConfigurationError, match="MOTIF_POSTGRES_PORT"):
            open_local(with_port)
        assert connects(server.url())
    with open_local(with_port) as server:
        assert connects(tcp_url(server))


def test_who_needs_no_port_joins_those_who_run_with_one(with_port: Settings, without_port: Settings) -> None:
    with open_local(with_port) as first, open_local(without_port) as second:
        assert second.url() == first.url()


def test_the_port_is_closed_again_at_the_next_start_without_it(with_port: Settings, without_port: Settings) -> None:
    with open_local(with_port):
        pass
    with open_local(without_port) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("",)
