"""Keeps web pages out: a browser on this machine can reach loopback, and any page it shows can ask it to.

Host: a page that points its own name at 127.0.0.1 (DNS rebinding) still sends that name. Origin: what a page of
another site sends along with a request that it makes.
"""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from service.api.problem import HostRefused, OriginRefused
from service.errors import ConfigurationError

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def check_loopback(host: str) -> str:
    """The loopback address to listen on; ConfigurationError for any other, because there are no tokens yet."""
    if host.lower() == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise ConfigurationError(
            f"MOTIF_HOST is {host!r}, but without tokens the service may only listen on this machine.",
            fix="Set MOTIF_HOST=127.0.0.1, and let a proxy that checks who calls stand before it.",
        )
    return str(address)


def check_headers(headers: Iterable[tuple[bytes, bytes]], own_host: str) -> None:
    """Raise HostRefused unless Host is loopback (any port), OriginRefused if an Origin is not that same host."""
    found: dict[bytes, list[str]] = {b"host": [], b"origin": []}
    for name, value in headers:
        if name in found:
            found[name].append(value.decode("latin-1").lower())
    hosts = found[b"host"]
    if len(hosts) != 1 or _name(f"//{hosts[0]}") not in _LOOPBACK | {own_host}:
        raise HostRefused("The Host header is not one of 127.0.0.1, localhost and [::1].")
    for origin in found[b"origin"]:
        if origin not in (f"http://{hosts[0]}", f"https://{hosts[0]}"):
            raise OriginRefused("The Origin header is not this service.")


def _name(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - read because it raises when the port is no number
    except ValueError:
        return None
    return None if parts.username is not None or parts.path or parts.query or parts.fragment else parts.hostname
