"""MOTIF_PRICES_FILE: prices that replace or add to the known ones, held against every mistake that would cost money."""

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, cast

from routing.price import NUSD, Rates, Tier
from service.errors import ConfigurationError

VENDORS = ("ollama", "anthropic", "openai", "compatible")
RATES = ("input", "output", "cache_read", "cache_write")
MOST_USD = 10_000
"""Dollars for a million tokens that no model costs; the dearest that is known takes 600."""
MOST_BYTES = 1_000_000
MOST_CONTEXT = 100_000_000


class FileInvalid(ValueError):
    """A file, or an entry of it, that cannot be used; says which and why, in a line without an end."""


def read_prices_file(path: Path) -> dict[tuple[str, str], Rates]:
    """Rates by vendor and model; raises ConfigurationError that says which entry is wrong, and what is."""
    try:
        return prices_of(read_toml(path), path.name)
    except FileInvalid as error:
        raise ConfigurationError(f"MOTIF_PRICES_FILE: {error}.", fix="docs/costs.md has the format.") from None


def read_toml(path: Path) -> dict[str, Any]:
    """A document of at most 1 MB, its numbers with a point as Decimal; raises FileInvalid."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            _refuse(f"{path.name} is larger than 1 MB")
        return tomllib.loads(raw.decode(), parse_float=Decimal)
    except OSError as error:
        _refuse(f"{path.name} cannot be read ({error.strerror})")
    except UnicodeDecodeError:
        _refuse(f"{path.name} is not UTF-8")
    except (tomllib.TOMLDecodeError, ArithmeticError, RecursionError) as error:
        _refuse(f"{path.name} is not TOML ({error})")


def prices_of(document: Mapping[str, Any], name: str) -> dict[tuple[str, str], Rates]:
    """The prices in a document that was read; raises FileInvalid, which calls it `name`."""
    if unknown := set(document) - {"price"}:
        _refuse(f"{name} has {_quoted(unknown)}; it takes [[price]] only")
    entries: object = document.get("price", [])
    if not isinstance(entries, list):
        _refuse(f"{name} writes price as one thing; each entry begins with [[price]]")
    found: dict[tuple[str, str], Rates] = {}
    for number, entry in enumerate(cast(list[object], entries), 1):
        where = f"{name}, [[price]] {number}"
        vendor, model, rates = _entry(entry, where)
        if (vendor, model) in found:
            _refuse(f"{where}: {vendor}/{model} has a price already")
        found[vendor, model] = rates
    return found


def _entry(entry: object, where: str) -> tuple[str, str, Rates]:
    if not isinstance(entry, dict):
        _refuse(f"{where} is no table; each entry begins with [[price]]")
    given = cast(dict[str, object], entry)
    if unknown := set(given) - {"vendor", "model", "tiers", *RATES}:
        _refuse(f"{where} has {_quoted(unknown)}; it takes vendor, model, {', '.join(RATES)}, tiers")
    vendor, model = given.get("vendor"), given.get("model")
    if vendor not in VENDORS:
        _refuse(f"{where}: vendor is one of {', '.join(VENDORS)}")
    if not isinstance(model, str) or not model.strip() or len(model) > 200:
        _refuse(f"{where} names no model")
    where = f"{where} ({vendor}/{model})"
    tiers = [_tier(given, where, 0)]
    listed = given.get("tiers", [])
    if not isinstance(listed, list):
        _refuse(f"{where}: tiers is a list, each with above_tokens and its prices")
    for tier in cast(Sequence[object], listed):
        if not isinstance(tier, dict):
            _refuse(f"{where}: a tier is a table with above_tokens and its prices")
        stated = cast(dict[str, object], tier)
        if unknown := set(stated) - {"above_tokens", *RATES}:
            _refuse(f"{where}: a tier has {_quoted(unknown)}; it takes above_tokens, {', '.join(RATES)}")
        above = stated.get("above_tokens")
        if not isinstance(above, int) or isinstance(above, bool) or not 0 < above < MOST_CONTEXT:
            _refuse(f"{where}: above_tokens is a whole number of tokens above 0")
        if above < tiers[-1].from_tokens:
            _refuse(f"{where}: tiers rise by above_tokens, and each stands once")
        tiers.append(_tier(stated, where, above + 1))
    digest = hashlib.sha256(json.dumps(given, sort_keys=True, default=str).encode()).hexdigest()
    return cast(str, vendor), model, Rates(tuple(tiers), f"file {digest[:12]}")


def _tier(given: Mapping[str, object], where: str, from_tokens: int) -> Tier:
    for name in ("input", "output"):
        if name not in given:
            _refuse(f"{where} has no price for {name}")
    plain, output = _rate(given, "input", where), _rate(given, "output", where)
    # Whoever says nothing of a cache pays the plain price.
    read = _rate(given, "cache_read", where) if "cache_read" in given else plain
    write = _rate(given, "cache_write", where) if "cache_write" in given else plain
    return Tier(plain, output, read, write, from_tokens)


def _rate(given: Mapping[str, object], name: str, where: str) -> int:
    value = given[name]
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        _refuse(f"{where}: {name} is a number of dollars for a million tokens")
    usd = Decimal(value)
    if not usd.is_finite():
        _refuse(f"{where}: {name} is a number of dollars for a million tokens")
    if usd < 0:
        _refuse(f"{where}: {name} is below 0")
    if usd > MOST_USD:
        _refuse(f"{where}: {name} is {usd} dollars for a million tokens, which nothing costs; the most is {MOST_USD}")
    try:
        return nusd_of(usd)
    except ValueError:
        _refuse(f"{where}: {name} has more than nine places after the point")


def nusd_of(usd: Decimal) -> int:
    """Dollars as nano-dollars; raises ValueError for what is no whole number of them, below 0 or beyond all reason."""
    if not usd.is_finite() or not 0 <= usd <= MOST_USD:
        raise ValueError("not a price")
    # Not by multiplying first: that rounds away what stands after the 28th digit.
    whole = usd.quantize(Decimal("1e-9"))
    if whole != usd:
        raise ValueError("not a whole number of nano-dollars")
    return int(whole * NUSD)


def _quoted(names: set[str]) -> str:
    return ", ".join(f"{name!r}" for name in sorted(names))


def _refuse(what: str) -> NoReturn:
    raise FileInvalid(what) from None
