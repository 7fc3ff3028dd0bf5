"""Past tasks decided anew by routing's own policy under other rules: whom each goes to, attempt by attempt. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import msgspec

from routing.catalog import Catalog, Model, Place
from routing.outcome import Belief, Experience, belief
from routing.policy import decide
from routing.price import Usage, cost_nusd
from routing.rules import Rules
from routing.task import Complexity, Importance, Prompt, Task, TaskType, band_of
from routing.vendors.base import TEMPLATE_TOKENS
from service.costs.policy_file import DayLimits

MOST_OUTPUT_TOKENS = 4_096
"""The longest answer that is reckoned with: the ledger does not say how long a one was asked for."""
MOST_ATTEMPTS = 6

Key = tuple[str, TaskType, int]


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it really went: by how many attempts, for how much, and whether an answer stood in the end."""

    type: TaskType
    importance: Importance
    complexity: float
    began_at: datetime
    vendors: frozenset[str] | None
    bytes_out: int
    input_tokens: int
    output_tokens: int
    cost_nusd: int
    stood: bool
    input_hash: str


class Step(msgspec.Struct, frozen=True):
    """One attempt: whom, what is believed of it for such a task, and what it costs if it comes to that."""

    key: Key
    belief: Belief
    cost_nusd: int
    place: Place


class Redecided(msgspec.Struct, frozen=True):
    """All tasks in their order, each with the attempts that would be made one after the other while answers fail."""

    steps: tuple[tuple[Step, ...], ...]
    refused_by_budget: int
    without_model: int

    def first_choices(self) -> dict[str, int]:
        """Model -> of how many tasks it is the first choice; "builtin" where nobody is."""
        chosen: defaultdict[str, int] = defaultdict(int)
        for steps in self.steps:
            chosen[steps[0].key[0] if steps else "builtin"] += 1
        return dict(sorted(chosen.items(), key=lambda one: (-one[1], one[0])))


def redecide(
    tasks: Sequence[Past],
    catalog: Catalog,
    experience: Experience,
    rules: Rules,
    limits: DayLimits,
    *,
    now: datetime,
) -> Redecided:
    """Decide every task again, in the order in which they came, as if each answer failed as often as is believed.

    A day's budget is charged what a task costs on average; where what is left does not hold the next worst case, it
    says no, as the ledger would.
    """
    spent: defaultdict[tuple[date, str], float] = defaultdict(float)
    decided: list[tuple[Step, ...]] = []
    refused_tasks = 0
    for past in sorted(tasks, key=lambda one: one.began_at):
        steps, was_refused = _chain(past, catalog, experience, rules, limits, spent, now)
        decided.append(steps)
        refused_tasks += was_refused
    return Redecided(tuple(decided), refused_tasks, sum(not steps for steps in decided))


def _chain(
    past: Past,
    catalog: Catalog,
    experience: Experience,
    rules: Rules,
    limits: DayLimits,
    spent: defaultdict[tuple[date, str], float],
    now: datetime,
) -> tuple[tuple[Step, ...], bool]:
    task = _task(past)
    day = past.began_at.date()
    failed: dict[str, str] = {}
    refused: set[str] = set()
    steps: list[Step] = []
    reached = 1.0
    while len(steps) < MOST_ATTEMPTS:
        decision = decide(
            task,
            catalog,
            experience,
            now=now,
            most_input_tokens=past.bytes_out + TEMPLATE_TOKENS,
            failed=failed,
            refused=refused,
            rules=rules,
        )
        model = decision.model
        if model is None:
            break
        worst = next(one.worst_case_nusd or 0 for one in decision.considered if one.model == model.ref)
        no = _says_no(model, worst, day, limits, spent)
        if no is not None and no not in refused:
            refused.add(no)
            continue
        step = _step(past, model, experience, now)
        steps.append(step)
        if model.place is Place.COMMERCIAL:
            for key in ("total", f"vendor:{model.vendor}"):
                spent[day, key] += reached * step.cost_nusd
        reached *= 1 - step.belief.mean
        failed[model.ref] = "answer-invalid"
    return tuple(steps), bool(refused)


def _says_no(
    model: Model, worst_nusd: int, day: date, limits: DayLimits, spent: Mapping[tuple[date, str], float]
) -> str | None:
    if model.place is Place.LOCAL:
        return None
    vendor = f"vendor:{model.vendor}"
    for key, limit in (("total", limits.total_nusd), (vendor, limits.vendors.get(model.vendor))):
        if limit is not None and spent.get((day, key), 0.0) + worst_nusd > limit:
            return key
    return None


def _step(past: Past, model: Model, experience: Experience, now: datetime) -> Step:
    band = band_of(past.complexity)
    cost = 0
    if model.place is Place.COMMERCIAL and model.rates is not None:
        # Without a cache: what it would have held is not known.
        cost = cost_nusd(Usage(past.input_tokens, past.output_tokens), model.rates)
    return Step((model.ref, past.type, band), belief(model, past.type, band, experience, now=now), cost, model.place)


def _task(past: Past) -> Task:
    return Task(
        type=past.type,
        prompt=Prompt(past.type.value, "", "", dict, MOST_OUTPUT_TOKENS),
        complexity=Complexity(past.complexity, {}, ""),
        importance=past.importance,
        vendors=past.vendors,
        input_hash=past.input_hash,
    )
