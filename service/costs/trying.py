"""A policy tried on the ledger: what there is to decide, under which models, prices and budgets, then both policies."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec

from routing.catalog import Catalog, Model, Place
from routing.outcome import Experience
from routing.price import FREE, Rates
from routing.rules import RULES
from routing.task import Importance, TaskType
from service.costs.policy_file import DayLimits, TriedModel, TriedPolicy
from service.costs.redeciding import Past, redecide
from service.costs.simulate import Simulation, simulate
from service.errors import InputInvalid, RequestInvalid
from service.models.prices import Prices
from service.storage import costs
from service.storage.costs import AskedRow, BudgetRow, PastRow, Range
from service.storage.database import Connection

MOST_TASKS = 10_000
RatesOf: TypeAlias = Callable[[str, str], Rates | None]
_TASK_TYPES = {type_.value: type_ for type_ in TaskType}
_IMPORTANCES = {one.value: one for one in Importance}
_CONTEXT_TOKENS, _OUTPUT_TOKENS = 128_000, 32_000


async def try_policy(
    connection: Connection, of: Range, policy: TriedPolicy, prices: Prices, experience: Experience
) -> Simulation:
    """Decide a range's tasks twice, by the rules in force and by the policy; for a transaction of the service itself.

    Raises RequestInvalid where the ledger has no task in the range, InputInvalid where the policy leaves no model.
    """
    rows = await costs.past_tasks(connection, of, task_types=list(_TASK_TYPES), limit=MOST_TASKS)
    if not rows:
        raise RequestInvalid(
            f"No model was asked to do a task from {of.first} to {of.last}.",
            fix="Choose other days with --from and --to.",
        )
    asked = await costs.models_asked(connection, of, list(_TASK_TYPES))
    today = await costs.today(connection)
    limits = limits_of(await costs.budgets(connection, None, today))
    past = sorted((_past(row) for row in rows), key=lambda one: one.began_at)
    now = datetime.now(UTC)
    in_force = catalog_of(asked, prices.rates)
    tried = tried_catalog(in_force, policy, prices)
    notes = idle_names(in_force, policy, prices)
    notes += [f"Only the newest {MOST_TASKS:,} tasks of the range."] if len(rows) == MOST_TASKS else []
    if unpriced := [m.ref for m in tried.models if m.rates is None]:
        notes.append(f"Without a known price, so never asked: {', '.join(sorted(unpriced))}.")
    return simulate(
        past,
        redecide(past, in_force, experience, RULES, limits, now=now),
        redecide(past, tried, experience, policy.rules, policy.limits or limits, now=now),
        never_asked=await costs.never_asked(connection, of),
        notes=notes,
    )


def catalog_of(asked: Sequence[AskedRow], rates: RatesOf) -> Catalog:
    """The models that were asked, at today's prices."""
    return Catalog(
        tuple(
            Model(
                vendor=one.vendor,
                name=one.model,
                place=Place(one.place),
                host="",
                context_tokens=max(_CONTEXT_TOKENS, one.most_input_tokens + _OUTPUT_TOKENS),
                max_output_tokens=_OUTPUT_TOKENS,
                rates=FREE if one.place == Place.LOCAL else rates(one.vendor, one.model),
            )
            for one in asked
        )
    )


def tried_catalog(in_force: Catalog, policy: TriedPolicy, prices: Prices) -> Catalog:
    """The models of a policy: those in force as it changes them, and those it adds; raises InputInvalid for none."""

    def rates(vendor: str, name: str) -> Rates | None:
        return policy.prices.get((vendor, name)) or prices.rates(vendor, name)

    models = {model.ref: model for model in in_force.models}
    for told in policy.models:
        models[told.ref] = _changed(models.get(told.ref), told, rates)
    for ref, model in models.items():
        if model.place is Place.COMMERCIAL:
            models[ref] = msgspec.structs.replace(model, rates=rates(model.vendor, model.name))
    kept = [
        model
        for ref, model in models.items()
        if (policy.only is None or ref in policy.only) and ref not in policy.without
    ]
    if missing := (policy.only or frozenset()) - set(models):
        raise InputInvalid(
            f"models.only names {', '.join(sorted(missing))}, which was not asked in these days.",
            fix="Add it with [[model]].",
        )
    if not kept:
        raise InputInvalid("The policy leaves no model to ask.", fix="Change models.only or models.without.")
    return Catalog(tuple(kept))


def idle_names(in_force: Catalog, policy: TriedPolicy, prices: Prices) -> list[str]:
    """What to say of models that models.without and [[price]] name to no effect: known, but not asked in these days.

    Raises InputInvalid for those that nobody knows: neither asked, nor added by the policy, nor in the known prices.
    """
    there = {model.ref for model in in_force.models} | {told.ref for told in policy.models}
    notes: list[str] = []
    for where, named in (("models.without", policy.without), ("[[price]]", {"/".join(of) for of in policy.prices})):
        idle = sorted(named - there)
        if unknown := [ref for ref in idle if prices.rates(*ref.split("/", 1)) is None]:
            raise InputInvalid(
                f"{where} names {', '.join(unknown)}, which was not asked in these days and which nobody knows.",
                fix="Correct the name, or add it with [[model]].",
            )
        if idle:
            notes.append(f"{where} names {', '.join(idle)} to no effect: not asked in these days.")
    return notes


def limits_of(budgets: Sequence[BudgetRow]) -> DayLimits:
    """What a day may cost as it is set; nothing at all where the total has no limit."""
    rows = {row.key: row for row in budgets}
    total = rows.get("total")
    unset = total is None or (total.day_limit_nusd is None and total.month_limit_nusd is None)
    return DayLimits(
        0 if unset or total is None else total.day_limit_nusd,
        {
            key.removeprefix("vendor:"): row.day_limit_nusd
            for key, row in rows.items()
            if key.startswith("vendor:") and row.day_limit_nusd is not None
        },
    )


def _changed(model: Model | None, told: TriedModel, rates: RatesOf) -> Model:
    vendor, _, name = told.ref.partition("/")
    place = Place(told.place) if told.place else model.place if model else Place.COMMERCIAL
    return Model(
        vendor=vendor,
        name=name,
        place=place,
        host="",
        context_tokens=told.context_tokens or (model.context_tokens if model else _CONTEXT_TOKENS),
        max_output_tokens=told.max_output_tokens or (model.max_output_tokens if model else _OUTPUT_TOKENS),
        rates=FREE if place is Place.LOCAL else rates(vendor, name),
        task_types=told.task_types,
        capability=told.capability,
    )


def _past(row: PastRow) -> Past:
    return Past(
        type=_TASK_TYPES[row.task_type],
        importance=_IMPORTANCES.get(row.importance, Importance.NORMAL),
        complexity=min(max(row.complexity, 0.0), 1.0),
        began_at=row.began_at.astimezone(UTC),
        vendors=_vendors(row),
        bytes_out=row.bytes_out,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost_nusd=row.cost_nusd,
        stood=row.stood,
        # Decides who explores: the request's own hash where the ledger has one.
        input_hash=row.input_hash or hashlib.sha256(str(row.began_at).encode()).hexdigest(),
    )


def _vendors(row: PastRow) -> frozenset[str] | None:
    """Who may see a task: as its source says now, and whoever saw it. Where the source is gone, those alone."""
    if row.remote_models == "allow" and not row.remote_vendors:
        return None
    return frozenset(row.seen_by) | frozenset(row.remote_vendors or () if row.remote_models == "allow" else ())
