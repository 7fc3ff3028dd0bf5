"""Web pages that nobody asked for are kept out by Host and Origin; other machines need a name to call by."""

import pytest

from service.api.guard import Guard, is_private, listening_address
from service.api.problem import HostRefused, OriginRefused
from service.errors import ConfigurationError
from service.settings import Settings


def headers(host: str, *origins: str) -> list[tuple[bytes, bytes]]:
    return [(b"host", host.encode()), *((b"origin", origin.encode()) for origin in origins)]


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8100", "localhost", "LOCALHOST:9", "[::1]:8100", "[::1]", "127.0.0.9:8100"]
)
def test_loopback_by_any_of_its_names_is_served(host: str):
    Guard("127.0.0.9").check(headers(host))


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
        Guard("127.0.0.1").check(headers(host))


def test_no_host_and_two_hosts_are_refused():
    for given in ([], [*headers("localhost"), *headers("localhost")]):
        with pytest.raises(HostRefused):
            Guard("127.0.0.1").check(given)


def test_the_same_origin_is_served():
    Guard("127.0.0.1").check(headers("localhost:8100", "http://localhost:8100"))


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
        Guard("127.0.0.1").check(headers("localhost:8100", *origins))


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
    assert listening_address(host) == address


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])  # noqa: S104
def test_other_machines_need_a_name_to_call_by(host: str):
    with pytest.raises(ConfigurationError, match="MOTIF_HOST") as caught:
        listening_address(host)
    assert "MOTIF_ALLOWED_HOSTS" in caught.value.fix
    assert listening_address(host, ("motif.example.org",)) == host


@pytest.mark.parametrize("host", ["", "example.org", "*", "127.0.0.1:80"])
def test_what_is_no_address_cannot_be_listened_on(host: str):
    with pytest.raises(ConfigurationError, match="MOTIF_HOST"):
        listening_address(host, ("motif.example.org",))


def test_allowed_hosts_are_served_and_nothing_like_them():
    guard = Guard("192.168.1.5", hosts=["motif.example.org", "[fd00::1]"])
    for host in ("motif.example.org", "MOTIF.example.org:443", "[fd00::1]:8100", "192.168.1.5:8100", "localhost"):
        assert guard.check(headers(host)) is None
    for host in ("example.org", "a.motif.example.org", "motif.example.org.evil.example", "192.168.1.6"):
        with pytest.raises(HostRefused):
            guard.check(headers(host))


def test_pages_of_allowed_origins_are_named_and_others_refused():
    guard = Guard("127.0.0.1", origins=["https://app.example.org", "http://localhost:3000"])
    assert guard.check(headers("localhost:8100", "https://app.example.org")) == "https://app.example.org"
    assert guard.check(headers("localhost:8100", "http://localhost:3000")) == "http://localhost:3000"
    assert guard.check(headers("localhost:8100", "http://localhost:8100")) is None
    for origin in ("http://app.example.org", "https://app.example.org:444", "https://app.example.org/", "null"):
        with pytest.raises(OriginRefused):
            guard.check(headers("localhost:8100", origin))
    with pytest.raises(OriginRefused):
        guard.check(headers("localhost:8100", "https://app.example.org", "https://app.example.org"))


@pytest.mark.parametrize(
    ("settings", "private"),
    [
        ({}, True),
        ({"host": "::1"}, True),
        ({"allowed_hosts": "motif.example.org"}, False),  # a proxy on this machine lets others in
        ({"host": "0.0.0.0", "allowed_hosts": "motif.example.org"}, False),  # noqa: S104
    ],
)
def test_only_loopback_without_other_names_is_private(settings: dict[str, str], private: bool):
    assert is_private(Settings(_env_file=None, **settings)) is private  # type: ignore[arg-type]
