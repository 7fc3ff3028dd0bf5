"""A policy to try: thresholds, targets, budgets, models and prices, as TOML; what it leaves out stays as it is."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

import msgspec

from routing.price import NUSD, Rates
from routing.rules import RULES, Rules
from routing.task import Importance, TaskType
from service.errors import InputInvalid
from service.models.prices_file import VENDORS, FileInvalid, prices_of, read_toml

_TOP = ("thresholds", "targets", "rules", "budget", "models", "model", "price")
_MODEL = ("name", "place", "context_tokens", "max_output_tokens", "task_types", "capability")
_MOST_USD = 1_000_000

T = TypeVar("T")


class TriedModel(msgspec.Struct, frozen=True):
    """A model that the policy adds, or tells more of."""

    ref: str
    place: str | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    task_types: frozenset[TaskType] | None = None
    capability: Mapping[TaskType, float] = {}


class DayLimits(msgspec.Struct, frozen=True):
    """What a day may cost, in nano-dollars; None for no limit."""

    total_nusd: int | None = None
    vendors: Mapping[str, int] = {}


class TriedPolicy(msgspec.Struct, frozen=True):
    """What a file asks to try. `limits` None: those that are set now. `only` None: every model there was."""

    rules: Rules = RULES
    limits: DayLimits | None = None
    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()
    models: tuple[TriedModel, ...] = ()
    prices: Mapping[tuple[str, str], Rates] = {}


def read_policy(path: Path) -> TriedPolicy:
    """Read a policy file; raises InputInvalid that says what in it cannot be used."""
    try:
        document = read_toml(path)
        _only(document, _TOP, path.name)
        prices = prices_of({"price": document.get("price", [])}, path.name)
        models = _table(document, "models", ("only", "without"))
        only = models.get("only")
        return TriedPolicy(
            rules=_rules(document),
            limits=_limits(_table(document, "budget", ("day", "vendors"))) if "budget" in document else None,
            only=None if only is None else _refs(only, "models.only"),
            without=_refs(models.get("without", []), "models.without"),
            models=tuple(_model(entry) for entry in _list(document.get("model", []), "model")),
            prices=prices,
        )
    except FileInvalid as error:
        said = str(error) if str(error).startswith(path.name) else f"{path.name}: {error}"
        raise InputInvalid(f"{said}.", fix="docs/costs.md has the format.") from None


def _rules(document: Mapping[str, Any]) -> Rules:
    given = _table(document, "rules", ("disappointment", "explore_one_in", "near"))
    one_in = given.get("explore_one_in", RULES.explore_one_in)
    if not isinstance(one_in, int) or isinstance(one_in, bool) or not 0 <= one_in <= 1_000_000:
        _refuse("rules.explore_one_in is a whole number, 0 for never")
    return Rules(
        thresholds={**RULES.thresholds, **_shares(document, "thresholds", TaskType)},
        targets={**RULES.targets, **_shares(document, "targets", Importance)},
        disappointment=_share(given.get("disappointment", Decimal(str(RULES.disappointment))), "rules.disappointment"),
        explore_one_in=one_in,
        near=_share(given.get("near", Decimal(str(RULES.near))), "rules.near"),
    )


def _limits(given: Mapping[str, object]) -> DayLimits:
    vendors = given.get("vendors", {})
    if not isinstance(vendors, dict):
        _refuse("budget.vendors is a table of dollars a day by vendor")
    _only(cast(dict[str, object], vendors), VENDORS, "budget.vendors")
    return DayLimits(
        _dollars(given["day"], "budget.day") if "day" in given else None,
        {name: _dollars(usd, f"budget.vendors.{name}") for name, usd in cast(dict[str, object], vendors).items()},
    )


def _model(entry: object) -> TriedModel:
    if not isinstance(entry, dict):
        _refuse("each model begins with [[model]]")
    given = cast(dict[str, object], entry)
    _only(given, _MODEL, "[[model]]")
    ref = _ref(given.get("name"), "[[model]] name")
    place = given.get("place")
    if place not in (None, "local", "commercial"):
        _refuse(f"the place of {ref} is local or commercial")
    types = given.get("task_types")
    known = {type_.value: type_ for type_ in TaskType}
    if types is not None and (not isinstance(types, list) or set(cast(list[Any], types)) - set(known)):
        _refuse(f"task_types of {ref} are among {', '.join(known)}")
    return TriedModel(
        ref,
        cast("str | None", place),
        _tokens(given.get("context_tokens"), f"context_tokens of {ref}"),
        _tokens(given.get("max_output_tokens"), f"max_output_tokens of {ref}"),
        None if types is None else frozenset(known[name] for name in cast(list[str], types)),
        _shares(given, "capability", TaskType),
    )


def _shares(holder: Mapping[str, Any], name: str, kind: type[T]) -> dict[T, float]:
    known = {str(one): one for one in cast(Any, kind)}
    given = _table(holder, name, tuple(known))
    return {known[key]: _share(value, f"{name}.{key}") for key, value in given.items()}


def _share(value: object, name: str) -> float:
    if not _between(value, 1):
        _refuse(f"{name} is a number from 0 to 1")
    return float(cast(Decimal, value))


def _dollars(value: object, name: str) -> int:
    if not _between(value, _MOST_USD):
        _refuse(f"{name} is a number of dollars, 0 to {_MOST_USD:,}")
    return int(cast(Decimal, value) * NUSD)


def _between(value: object, most: int) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    return Decimal(value).is_finite() and 0 <= value <= most


def _tokens(value: object, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 100_000_000:
        _refuse(f"{name} is a whole number of tokens")
    return value


def _refs(value: object, name: str) -> frozenset[str]:
    return frozenset(_ref(one, name) for one in _list(value, name))


def _ref(value: object, name: str) -> str:
    if not isinstance(value, str) or not all(value.partition("/")):
        _refuse(f"{name} is written vendor/model")
    return value


def _list(value: object, name: str) -> list[object]:
    if not isinstance(value, list):
        _refuse(f"{name} is a list")
    return cast(list[object], value)


def _table(holder: Mapping[str, Any], name: str, keys: tuple[str, ...]) -> dict[str, object]:
    value: object = holder.get(name, {})
    if not isinstance(value, dict):
        _refuse(f"{name} is a table")
    _only(cast(dict[str, object], value), keys, name)
    return cast(dict[str, object], value)


def _only(given: Mapping[str, object], keys: tuple[str, ...], where: str) -> None:
    if unknown := set(given) - set(keys):
        _refuse(f"{where} has {', '.join(repr(key) for key in sorted(unknown))}; it takes {', '.join(keys)}")


def _refuse(what: str) -> NoReturn:
    raise FileInvalid(what)
