"""The vendors that the settings name, opened: one adapter each. An SDK is imported only where its vendor is wanted."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from routing.errors import VendorError, VendorFailed
from routing.vendors.base import Offered, Vendor
from service.errors import ConfigurationError
from service.settings import Settings

PATIENCE_S = 2.0
"""Longest wait for a vendor to say which models it has. Nobody's start hangs on one that is slow."""


class Heard(msgspec.Struct, frozen=True):
    """What a vendor says that it has, or why nothing was heard."""

    offered: tuple[Offered, ...] = ()
    error: VendorError | None = None


def open_vendors(settings: Settings) -> dict[str, Vendor]:
    """An adapter for every vendor with what it needs: an address or a key. Nothing is asked yet.

    Takes about a second, for the SDKs. Raises ConfigurationError for an address that is none.
    """
    # Here and not at the top: a service without language models is not to pay for SDKs.
    vendors: dict[str, Vendor] = {}
    if ollama_url := ollama_url_of(settings):
        _check_url("MOTIF_OLLAMA_URL", ollama_url)
        from routing.vendors.ollama import Ollama  # noqa: PLC0415

        vendors["ollama"] = Ollama(ollama_url)
    if settings.anthropic_api_key is not None:
        _check_url("MOTIF_ANTHROPIC_URL", settings.anthropic_url)
        from routing.vendors.anthropic import Anthropic  # noqa: PLC0415

        vendors["anthropic"] = Anthropic(settings.anthropic_api_key.get_secret_value(), settings.anthropic_url)
    if settings.openai_api_key is not None:
        _check_url("MOTIF_OPENAI_URL", settings.openai_url)
        from routing.vendors.openai import OpenAI  # noqa: PLC0415

        vendors["openai"] = OpenAI(settings.openai_api_key.get_secret_value(), settings.openai_url)
    if settings.compatible_url is not None:
        _check_url("MOTIF_COMPATIBLE_URL", settings.compatible_url)
        from routing.vendors.openai import OpenAI  # noqa: PLC0415

        key = settings.compatible_api_key
        vendors["compatible"] = OpenAI(
            key.get_secret_value() if key is not None else None,
            settings.compatible_url,
            name="compatible",
            api=settings.compatible_api,
            proxies=not is_local(settings.compatible_url, settings),
        )
    return vendors


async def ask_vendors(vendors: Mapping[str, Vendor], *, patience_s: float = PATIENCE_S) -> dict[str, Heard]:
    """What every vendor offers now, all asked at once; never longer than `patience_s`, and never an error."""

    async def ask(vendor: Vendor) -> Heard:
        try:
            return Heard(offered=tuple(await vendor.offered(timeout_s=patience_s)))
        except VendorError as error:
            return Heard(error=error)
        except Exception as error:
            return Heard(
                error=VendorFailed(f"{vendor.name} answered with what cannot be read ({type(error).__name__})")
            )

    return dict(zip(vendors, await asyncio.gather(*map(ask, vendors.values())), strict=True))


def ollama_url_of(settings: Settings) -> str | None:
    """Where Ollama answers, with its scheme, or None to do without."""
    url = (settings.ollama_url or "").strip()
    if url.lower() in {"", "none"}:
        return None
    return url if "://" in url else f"http://{url}"


def is_local(url: str, settings: Settings) -> bool:
    """Whether an address is on a host, or host:port, that MOTIF_LOCAL_HOSTS names. Names are not looked up."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    known = {entry.strip("[]").rstrip(".").lower() for entry in settings.local_hosts}
    return bool(host) and (host in known or parts.netloc.rpartition("@")[2].lower() in known)


def _check_url(name: str, url: str | None) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(f"{name} is not the address of a server (http://127.0.0.1:8080).", fix="Change it.")
