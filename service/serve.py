"""Runs the service: takes the port, opens the parts, serves until it is told to stop, closes everything."""

import asyncio
import errno
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from ipaddress import ip_address

import uvicorn

from service.api.guard import listening_address
from service.api.parts import RunWorker
from service.app import create_app
from service.errors import ConfigurationError, PortInUse
from service.log import configure_logging
from service.settings import Settings

_BACKLOG = 512
_PATIENCE_AT_THE_END_S = 10  # for answers under way


def run(settings: Settings, *, worker: RunWorker | None = None, announce: Callable[[str], object]) -> None:
    """Serve until SIGTERM or SIGINT; `announce` gets one line when requests are answered.

    Raises ConfigurationError for a host that cannot be listened on, PortInUse, and what opening the parts raises.
    """
    configure_logging(settings)
    asyncio.run(_serve(settings, worker, announce))


async def _serve(settings: Settings, worker: RunWorker | None, announce: Callable[[str], object]) -> None:
    app = create_app(settings, worker=worker)
    config = uvicorn.Config(
        app,
        lifespan="off",  # entered below instead, so that its errors come out as they are
        log_config=None,
        log_level="error",  # below that it speaks of strangers' broken requests
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        ws="none",
        timeout_graceful_shutdown=_PATIENCE_AT_THE_END_S,
    )
    server = uvicorn.Server(config)
    # The port is held before anything slow or lasting is begun: a second `motif serve` fails at once.
    host = listening_address(settings.host, settings.allowed_hosts)
    with listening(host, settings.port) as listener, _stopped_by_signals(server):
        async with app.lifespan():
            if not server.should_exit:
                announce(f"Motif listens on {_url(listener)} (docs at {_url(listener)}/docs)")
            await server.serve(sockets=[listener])


@contextmanager
def listening(host: str, port: int) -> Generator[socket.socket]:
    """A socket that listens; raises PortInUse, or ConfigurationError for an address that is not this machine's."""
    family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on: with a client that keeps its connection every answer then
    # waits 40 ms for a delayed acknowledgement.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(_BACKLOG)
        except OSError as error:
            raise _why_not(error, host, port) from error
        yield listener


def _why_not(error: OSError, host: str, port: int) -> ConfigurationError | PortInUse:
    if error.errno == errno.EADDRINUSE:
        return PortInUse(
            f"Port {port} on {host} is taken by another program.",
            fix="Set MOTIF_PORT (or --port) to another one; 0 takes any that is free.",
        )
    if error.errno == errno.EACCES:
        return ConfigurationError(
            f"Port {port} may not be used by this user.", fix="Set MOTIF_PORT (or --port) to one above 1023."
        )
    return ConfigurationError(
        f"Nothing can listen on {host}: {error.strerror}.", fix="Set MOTIF_HOST (or --host) to 127.0.0.1."
    )


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Generator[None]:
    """Let SIGTERM and SIGINT end the server at any time, also while the parts are opened or closed.

    uvicorn takes the signals only while it serves, and afterwards raises them again for whoever had them before:
    with the default handlers that would kill us before the database is closed.
    """
    before = {number: signal.signal(number, server.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
