"""Which models may be asked at all, and what keeps the others from it. Pure; who of them is asked, policy.py says."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast

import msgspec

from routing.catalog import Model, Place
from routing.circuit import LONGEST_REST_S
from routing.outcome import Belief, Experience
from routing.price import worst_case_nusd
from routing.reasons import Verdict
from routing.rules import EPSILON, Rules
from routing.task import Importance, Task

LOCAL_BYTES_PER_TOKEN = 2
"""What a token stands for at least, when it is asked whether a prompt fits into a local model. One byte is the safe
bound and counts where money does; text and code take three to five. A local prompt that was cut all the same is
noticed, costs nothing, and goes to a model with more room."""


LEDGER = "ledger"
"""Stands among refused budgets where nothing can be written down, so that nothing may be spent."""


class Candidate(msgspec.Struct, frozen=True):
    """A model, what is believed of it, what it may cost at most, and what keeps it from being asked (None: nothing)."""

    model: Model
    belief: Belief
    cost: int | None
    verdict: Verdict | None

    @property
    def price(self) -> int:
        """What it may cost at most; only of use where that is known."""
        return self.cost or 0


def worst_case(model: Model, task: Task, most_input_tokens: int) -> int | None:
    """The most that a task can cost with a model; 0 for a local one, None where nobody knows."""
    if model.place is Place.LOCAL:
        return 0
    if model.rates is None:
        return None
    return worst_case_nusd(most_input_tokens, most_output_tokens(model, task), model.rates)


def most_output_tokens(model: Model, task: Task) -> int:
    """The longest answer that is asked for."""
    return min(model.max_output_tokens, task.prompt.max_output_tokens)


def unfit(model: Model, task: Task, experience: Experience, now: datetime, most_input_tokens: int) -> Verdict | None:
    """Rule 6 and rule 5: what keeps a model from being asked at all."""
    local = model.place is Place.LOCAL
    if model.task_types is not None and task.type not in model.task_types:
        return Verdict.NOT_FOR_TYPE
    prompt_tokens = -(-most_input_tokens // LOCAL_BYTES_PER_TOKEN) if local else most_input_tokens
    if prompt_tokens + most_output_tokens(model, task) > model.context_tokens:
        return Verdict.TOO_LONG
    return barred(model, task.vendors, experience, now)


def barred(model: Model, vendors: Collection[str] | None, experience: Experience, now: datetime) -> Verdict | None:
    """What keeps any request from a model, whatever it asks: its vendor not allowed, no price, or a cool-down."""
    if model.place is not Place.LOCAL:
        if vendors is not None and model.vendor not in vendors:
            return Verdict.DENIED
        if model.rates is None:
            return Verdict.UNPRICED
    for rest in experience.cooldowns:
        # An end further away than any rest lasts was written by a clock that has jumped since.
        running = now < rest.until <= now + timedelta(seconds=LONGEST_REST_S)
        if running and rest.vendor == model.vendor and rest.model in ("", model.name):
            return Verdict.COOLING_DOWN
    return None


def after_failures(candidates: Sequence[Candidate], failed: Mapping[str, str], rules: Rules) -> list[Candidate]:
    """After a bad answer only a stronger model is of use; after an outage any other; after a cut prompt more room."""
    if not failed:
        return list(candidates)
    before = [one for one in candidates if one.model.ref in failed]
    bad = [one for one in before if failed[one.model.ref].startswith("answer-")]
    cut = max((one.model.context_tokens for one in before if failed[one.model.ref] == "prompt-truncated"), default=0)

    def judged(one: Candidate) -> Candidate:
        if one.model.ref in failed:
            return msgspec.structs.replace(one, verdict=Verdict.FAILED)
        if one.verdict is None and one.model.context_tokens <= cut:
            return msgspec.structs.replace(one, verdict=Verdict.TOO_LONG)
        if one.verdict is None and not all(_stronger(one, than, rules) for than in bad):
            return msgspec.structs.replace(one, verdict=Verdict.WEAKER)
        return one

    return [judged(one) for one in candidates]


def _stronger(one: Candidate, than: Candidate, rules: Rules) -> bool:
    more = one.belief.mean - than.belief.mean
    return more > EPSILON if one.price <= than.price else more > -rules.near


def within_budget(one: Candidate, task: Task, refused: Collection[str]) -> Candidate:
    """The same, or kept from being asked by a budget that said no. What is local needs none, ever.

    In an emergency the usual budgets may say no, as long as the emergency pool has not; without a ledger nothing is
    spent at all.
    """
    if one.verdict is not None or one.model.place is Place.LOCAL or not refused:
        return one
    over = usual_refused(one, refused)
    if task.importance is Importance.EMERGENCY:
        over = over and _refuses(refused, "emergency", one)
    if over or LEDGER in refused:
        return msgspec.structs.replace(one, verdict=Verdict.OVER_BUDGET)
    return one


def usual_refused(one: Candidate, refused: Collection[str]) -> bool:
    """Whether a budget that pays for a model outside emergencies said no to what it may cost."""
    keys = [key for key in refused if key in ("total", f"vendor:{one.model.vendor}") or key.startswith("project:")]
    return any(_refuses(refused, key, one) for key in keys)


def _refuses(refused: Collection[str], key: str, one: Candidate) -> bool:
    """Where it is known what the budget has left, a model that may cost no more than that is still granted."""
    if not isinstance(refused, Mapping):
        return key in refused
    left = cast("Mapping[str, int]", refused).get(key)
    return left is not None and one.price > left
