"""Keeps web pages out that nobody asked for: a browser can reach this service, and any page it shows can ask it to.

Host: a page that points its own name at this address (DNS rebinding) still sends that name. Origin: what a page of
another site sends along with a request that it makes.
"""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from service.api.problem import HostRefused, OriginRefused
from service.errors import ConfigurationError
from service.settings import Settings

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Guard:
    """Whom this service lets ask: hosts by their names, pages by their origins."""

    def __init__(self, own_host: str, *, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self._hosts = _LOOPBACK | {own_host} | {host.strip("[]") for host in hosts}
        self._origins = frozenset(origins)

    def check(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """The origin of another site's page that may ask; None where no page of another site asks.

        Raises HostRefused unless Host is loopback, this address or an allowed one (any port), OriginRefused for a page
        of another site.
        """
        found: dict[bytes, list[str]] = {b"host": [], b"origin": []}
        for name, value in headers:
            if name in found:
                found[name].append(value.decode("latin-1").lower())
        hosts, origins = found[b"host"], found[b"origin"]
        if len(hosts) != 1 or _name(f"//{hosts[0]}") not in self._hosts:
            raise HostRefused("The Host header is not one that this service goes by.")
        if len(origins) > 1:
            raise OriginRefused("There is more than one Origin header.")
        for origin in origins:
            if origin in self._origins:
                return origin
            if origin not in (f"http://{hosts[0]}", f"https://{hosts[0]}"):
                raise OriginRefused("The Origin header is neither this service nor one of MOTIF_CORS_ORIGINS.")
        return None

    @property
    def varies(self) -> bool:
        """Whether answers depend on Origin."""
        return bool(self._origins)


def guard_of(settings: Settings) -> Guard:
    """The guard for these settings; raises ConfigurationError for a host that cannot be listened on."""
    return Guard(
        listening_address(settings.host, settings.allowed_hosts),
        hosts=settings.allowed_hosts,
        origins=settings.cors_origins,
    )


def listening_address(host: str, allowed_hosts: tuple[str, ...] = ()) -> str:
    """The address to listen on; ConfigurationError for what is none, or one that others reach by names not allowed."""
    if host.lower() == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise ConfigurationError(
            f"MOTIF_HOST is {host!r}, which is no address.", fix="Set MOTIF_HOST=127.0.0.1, or 0.0.0.0 for all."
        ) from None
    if not address.is_loopback and not allowed_hosts:
        raise ConfigurationError(
            f"MOTIF_HOST is {host}, which other machines reach, but nothing says by which name.",
            fix="Set MOTIF_ALLOWED_HOSTS to the names they use (motif.example.org), or MOTIF_HOST=127.0.0.1.",
        )
    return str(address)


def is_private(settings: Settings) -> bool:
    """Whether only this machine can ask: it listens on loopback, and no name says that a proxy stands before it."""
    loopback = ipaddress.ip_address(listening_address(settings.host, settings.allowed_hosts)).is_loopback
    return loopback and not settings.allowed_hosts


def _name(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - read because it raises when the port is no number
    except ValueError:
        return None
    return None if parts.username is not None or parts.path or parts.query or parts.fragment else parts.hostname
