"""What a vendor says it charged, by day and model, however its export spells that. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import msgspec

from routing.price import NUSD, Usage

_MOST_TOKENS = 10**15
_MOST_USD = Decimal(10**9)
_MOST_SECONDS = 10**11


class Charged(msgspec.Struct, frozen=True):
    """One line of a bill. `model` is the vendor's own name; "" where the export does not say which.

    `usage` None: it tells no tokens. `cost_nusd` None: it tells no money. `rounded_nusd`: how far off the amount can be
    by the places it is written with.
    """

    day: date
    vendor: str
    model: str
    usage: Usage | None = None
    cost_nusd: int | None = None
    rounded_nusd: int = 0


class Unreadable(ValueError):
    """A value that cannot be what it should be; says which and why, in a few words."""


Row = Mapping[str, Any]


def anthropic_usage_csv(row: Row) -> Charged:
    """The console's usage export: input tokens apart from those of the cache."""
    written = tokens(row, "usage_input_tokens_cache_write_5m") + tokens(row, "usage_input_tokens_cache_write_1h")
    read = tokens(row, "usage_input_tokens_cache_read")
    plain = tokens(row, "usage_input_tokens_no_cache")
    usage = Usage(plain + read + written, tokens(row, "usage_output_tokens"), read, written)
    return Charged(day_in(row, "usage_date_utc"), "anthropic", text(row, "model_version"), usage)


def anthropic_cost_csv(row: Row) -> Charged:
    """The console's cost export: one line a kind of token; other services have no model."""
    model = text(row, "model") or f"({text(row, 'cost_type') or 'other'})"
    return _with_cost(day_in(row, "usage_date_utc"), "anthropic", model, dollars(row, "cost_usd"))


def anthropic_usage_json(bucket: Row, row: Row) -> Charged:
    """A result of the usage API (usage_report/messages)."""
    created = _inside(row, "cache_creation")
    written = tokens(created, "ephemeral_5m_input_tokens") + tokens(created, "ephemeral_1h_input_tokens")
    read = tokens(row, "cache_read_input_tokens")
    usage = Usage(tokens(row, "uncached_input_tokens") + read + written, tokens(row, "output_tokens"), read, written)
    return Charged(day_in(bucket, "starting_at"), "anthropic", text(row, "model"), usage)


def anthropic_cost_json(bucket: Row, row: Row) -> Charged:
    """A result of the cost API (cost_report): amounts in cents, as text."""
    _in_dollars(row.get("currency"))
    kind = text(row, "cost_type")
    model = text(row, "model") or (f"({kind})" if kind not in ("", "tokens") else "")
    return _with_cost(day_in(bucket, "starting_at"), "anthropic", model, dollars(row, "amount").scaleb(-2))


def openai_usage_row(bucket: Row, row: Row) -> Charged:
    """A result of the usage API, or a line of the export of the same: input tokens with the cached ones."""
    read = tokens(row, "input_cached_tokens")
    usage = Usage(tokens(row, "input_tokens"), tokens(row, "output_tokens"), min(read, tokens(row, "input_tokens")))
    return Charged(day_in(bucket, "start_time"), "openai", text(row, "model"), usage)


def openai_cost_json(bucket: Row, row: Row) -> Charged:
    """A result of the costs API: dollars, by line item (a model's name, then what of it)."""
    of = _inside(row, "amount")
    _in_dollars(of.get("currency"))
    return _with_cost(day_in(bucket, "start_time"), "openai", _before_comma(row), dollars(of, "value"))


def openai_cost_csv(row: Row) -> Charged:
    """A line of the cost export."""
    _in_dollars(row.get("amount_currency"))
    return _with_cost(day_in(row, "start_time"), "openai", _before_comma(row), dollars(row, "amount_value"))


def generic_csv(row: Row, vendor: str | None) -> Charged:
    """Our own table (docs/costs.md): date, model, and what is known of tokens and cost."""
    name = text(row, "model")
    prefix, slash, rest = name.partition("/")
    known = slash and prefix in ("anthropic", "openai", "compatible", "ollama")
    of = text(row, "vendor") or (prefix if known else vendor)
    if not of:
        raise Unreadable("no vendor: write the model as vendor/name, add a column vendor, or use --vendor")
    read, written = tokens(row, "cache_read_tokens"), tokens(row, "cache_write_tokens")
    usage = None
    if "input_tokens" in row or "output_tokens" in row:
        usage = Usage(tokens(row, "input_tokens"), tokens(row, "output_tokens"), read, written)
    if "cost_usd" not in row:
        return Charged(day_in(row, "date"), of, rest if known else name, usage)
    if not text(row, "cost_usd"):
        raise Unreadable(f"{name[:80]!r} has no cost_usd; write 0 where nothing was billed")
    found = _with_cost(day_in(row, "date"), of, rest if known else name, dollars(row, "cost_usd"))
    return msgspec.structs.replace(found, usage=usage)


def text(row: Row, name: str) -> str:
    """A text, "" where there is none."""
    value = row.get(name)
    return value.strip()[:200] if isinstance(value, str) else ""


def tokens(row: Row, name: str) -> int:
    """A number of tokens, 0 where there is none; raises Unreadable."""
    value = row.get(name)
    if value is None or value == "":
        return 0
    try:
        number = Decimal(value) if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or not 0 <= number <= _MOST_TOKENS or number != int(number):
        raise Unreadable(f"{name} is no number of tokens")
    return int(number)


def dollars(row: Row, name: str) -> Decimal:
    """An amount; raises Unreadable where there is none. One below 0 is a credit."""
    value = row.get(name)
    try:
        number = Decimal(value) if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or abs(number) > _MOST_USD:
        raise Unreadable(f"{name} is no amount of money")
    return number


def day_in(row: Row, name: str) -> date:
    """The day (UTC) of a date, a time or seconds since 1970; raises Unreadable."""
    value = row.get(name)
    try:
        if isinstance(value, str) and not re.fullmatch(r"\d{9,11}(\.\d+)?", value):
            stripped = value.strip().replace("Z", "+00:00")
            if re.fullmatch(r"\d{4}-\d\d-\d\d", stripped):
                return date.fromisoformat(stripped)
            moment = datetime.fromisoformat(stripped)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).date()
        if (
            isinstance(value, str | int | Decimal)
            and not isinstance(value, bool)
            and 0 <= Decimal(value) < _MOST_SECONDS
        ):
            return datetime.fromtimestamp(int(Decimal(value)), UTC).date()
    except (ValueError, OverflowError, OSError, ArithmeticError):
        pass
    raise Unreadable(f"{name} is no day")


def _inside(row: Row, name: str) -> Row:
    found = row.get(name)
    return cast(Row, found) if isinstance(found, Mapping) else {}


def _with_cost(day: date, vendor: str, model: str, usd: Decimal) -> Charged:
    exponent = usd.as_tuple().exponent
    # Half of the last place that is written: "0.05" is anything from .045 to .055.
    places = exponent if isinstance(exponent, int) else 0
    rounded = int(Decimal(5).scaleb(places - 1) * NUSD) if -9 <= places <= 0 else 0
    return Charged(day, vendor, model, None, int((usd * NUSD).to_integral_value()), rounded)


def _in_dollars(currency: object) -> None:
    if not isinstance(currency, str) or currency.upper() != "USD":
        raise Unreadable("an amount that is not in USD")


def _before_comma(row: Row) -> str:
    return text(row, "line_item").partition(",")[0].strip()
