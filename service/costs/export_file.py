"""A vendor's usage or cost export, read from a file: CSV of the consoles, JSON of their APIs, or our own table."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, cast

import msgspec

from service.costs import charged
from service.costs.charged import Charged, Row, Unreadable
from service.errors import InputInvalid

MOST_BYTES = 50_000_000
_FIX = "docs/costs.md has the formats that are read."

_Of: TypeAlias = Callable[[Row, Row], Charged]


class Export(msgspec.Struct, frozen=True):
    """What a file holds. `format`: what it was taken for. `whole` False: its vendor says that more pages follow."""

    format: str
    rows: tuple[Charged, ...]
    whole: bool = True


def read_export(path: Path, *, vendor: str | None = None) -> Export:
    """Read a file; raises InputInvalid with the line that cannot be read. `vendor` is for tables that name none."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _refusal(path, f"cannot be read ({error.strerror})") from None
    if len(raw) > MOST_BYTES:
        raise _refusal(path, "is larger than 50 MB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refusal(path, "is not UTF-8") from None
    export = _json(path, text) if text.lstrip()[:1] in ("{", "[") else _csv(path, text, vendor)
    if not export.rows:
        raise _refusal(path, "holds no usage")
    return export


def _csv(path: Path, text: str, vendor: str | None) -> Export:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    rows: list[Charged] = []
    try:
        columns = {name.strip() for name in reader.fieldnames or [] if name}
        name, read = _columns(path, columns, vendor)
        for line in reader:
            try:
                if None in line:
                    raise Unreadable("more values than columns")
                rows.append(read({key.strip(): value for key, value in line.items() if key}))
            except Unreadable as error:
                raise _refusal(path, f"line {reader.line_num}: {error}") from None
            except ArithmeticError:
                raise _refusal(path, f"line {reader.line_num} holds a number beyond all reason") from None
    except csv.Error:
        raise _refusal(path, f"line {reader.line_num} is not CSV") from None
    return Export(name, tuple(rows))


def _columns(path: Path, columns: set[str], vendor: str | None) -> tuple[str, Callable[[Row], Charged]]:
    if {"usage_date_utc", "model_version", "usage_output_tokens"} <= columns:
        return "Anthropic's usage export", charged.anthropic_usage_csv
    if {"usage_date_utc", "model", "cost_usd"} <= columns:
        return "Anthropic's cost export", charged.anthropic_cost_csv
    if {"start_time", "amount_value", "amount_currency"} <= columns:
        return "OpenAI's cost export", charged.openai_cost_csv
    if {"start_time", "model", "input_tokens", "output_tokens"} <= columns:
        return "OpenAI's usage export", lambda row: charged.openai_usage_row(row, row)
    if {"date", "model"} <= columns and columns & {"cost_usd", "input_tokens"}:
        return "a table of usage", lambda row: charged.generic_csv(row, vendor)
    shown = ", ".join(sorted(columns)[:6])[:200]
    raise _refusal(path, f"has no columns that are known ({shown})" if shown else "is empty")


def _json(path: Path, text: str) -> Export:
    try:
        document = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise _refusal(path, f"is not JSON{where}") from None
    pages = cast(list[object], document if isinstance(document, list) else [document])
    rows: list[Charged] = []
    name, whole = "", True
    for page in pages:
        for number, bucket in enumerate(_list(path, page, "data", "a page"), 1):
            for row in _list(path, bucket, "results", f"bucket {number}"):
                if not isinstance(row, Mapping):
                    raise _refusal(path, f"bucket {number} holds a result that is no object")
                given = cast(Row, row)
                name, read = _shape(path, cast(Row, bucket), given)
                try:
                    rows.append(read(cast(Row, bucket), given))
                except Unreadable as error:
                    raise _refusal(path, f"bucket {number}: {error}") from None
                except ArithmeticError:
                    raise _refusal(path, f"bucket {number} holds a number beyond all reason") from None
        whole = cast(Mapping[str, Any], page).get("has_more") is not True
    return Export(name, tuple(rows), whole)


def _shape(path: Path, bucket: Row, row: Row) -> tuple[str, _Of]:
    if "starting_at" in bucket and "uncached_input_tokens" in row:
        return "Anthropic's usage API", charged.anthropic_usage_json
    if "starting_at" in bucket and "amount" in row:
        return "Anthropic's cost API", charged.anthropic_cost_json
    if "start_time" in bucket and "amount" in row:
        return "OpenAI's costs API", charged.openai_cost_json
    if "start_time" in bucket and "input_tokens" in row:
        return "OpenAI's usage API", charged.openai_usage_row
    raise _refusal(path, "is JSON, but of no usage or cost API that is known")


def _list(path: Path, holder: object, name: str, what: str) -> Sequence[object]:
    found = cast(Row, holder).get(name) if isinstance(holder, Mapping) else None
    if not isinstance(found, list):
        raise _refusal(path, f"is JSON, but {what} has no list {name!r}")
    return cast(list[object], found)


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _refusal(path: Path, what: str) -> InputInvalid:
    return InputInvalid(f"{path.name} {what}.", fix=_FIX)
