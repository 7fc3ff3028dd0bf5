"""Web pages are kept out by Host and Origin; the service listens on loopback only."""

import pytest

from service.api.guard import check_headers, check_loopback
from service.api.problem import HostRefused, OriginRefused
from service.errors import ConfigurationError


def headers(host: str, *origins: str) -> list[tuple[bytes, bytes]]:
    return [(b"host", host.encode()), *((b"origin", origin.encode()) for origin in origins)]


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8100", "localhost", "LOCALHOST:9", "[::1]:8100", "[::1]", "127.0.0.9:8100"]
)
def test_loopback_by_any_of_its_names_is_served(host: str):
    check_headers(headers(host), "127.0.0.9")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8100",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "evil.example/localhost",
        "localhost:port",
        "localhost:80:80",
        "127.0.0.2",
        "0x7f000001",
        "[::1",
        "",
    ],
)
def test_any_other_name_is_refused(host: str):
    with pytest.raises(HostRefused):
        check_headers(headers(host), "127.0.0.1")


def test_no_host_and_two_hosts_are_refused():
    for given in ([], [*headers("localhost"), *headers("localhost")]):
        with pytest.raises(HostRefused):
            check_headers(given, "127.0.0.1")


def test_the_same_origin_is_served():
    check_headers(headers("localhost:8100", "http://localhost:8100"), "127.0.0.1")


@pytest.mark.parametrize(
    "origins",
    [
        ["http://evil.example"],
        ["null"],
        [""],
        ["http://localhost:3000"],
        ["http://127.0.0.1:8100"],
        ["http://localhost:8100.evil.example"],
        ["http://localhost:8100", "http://evil.example"],
    ],
)
def test_another_origin_is_refused(origins: list[str]):
    with pytest.raises(OriginRefused):
        check_headers(headers("localhost:8100", *origins), "127.0.0.1")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("127.0.0.9", "127.0.0.9"),
        ("[::1]", "::1"),
        ("::1", "::1"),
    ],
)
def test_loopback_may_be_listened_on(host: str, address: str):
    assert check_loopback(host) == address


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "example.org", "*"])  # noqa: S104
def test_nothing_else_may_be_listened_on(host: str):
    with pytest.raises(ConfigurationError, match="MOTIF_HOST") as caught:
        check_loopback(host)
    assert "127.0.0.1" in caught.value.fix
