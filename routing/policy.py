"""The only chooser: which model gets a task, and why. Values in, a Decision out; no clock, no network, no chance."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec

from routing.budget import Pool
from routing.candidates import Candidate, after_failures, barred, unfit, usual_refused, within_budget, worst_case
from routing.catalog import Catalog, Model, Place
from routing.outcome import Experience, belief, starting_success
from routing.price import FREE, worst_case_nusd
from routing.reasons import REASONS, VERDICTS, Reason, Verdict
from routing.rules import EPSILON, RULES, Rules
from routing.task import Importance, Task, band_of

__all__ = [
    "REASONS",
    "RULES",
    "VERDICTS",
    "Considered",
    "Decision",
    "Reason",
    "Rules",
    "Verdict",
    "decide",
    "decide_embedding",
]


class Considered(msgspec.Struct, frozen=True):
    """One model in a decision. `worst_case_nusd` None where nobody knows its price."""

    model: str
    place: Place
    expected_success: float
    worst_case_nusd: int | None
    verdict: Verdict


class Decision(msgspec.Struct, frozen=True):
    """Whom a task goes to, and why. `model` None: nobody that may be asked is left, the built-in extractor takes over.

    `held_back`: a commercial model would have got it, had its source allowed that. `considered`: every model of the
    catalog once, by name.
    """

    model: Model | None
    reason: Reason
    target: float
    threshold: float
    pool: Pool
    held_back: bool
    considered: tuple[Considered, ...]


def decide(
    task: Task,
    catalog: Catalog,
    experience: Experience,
    *,
    now: datetime,
    most_input_tokens: int,
    failed: Mapping[str, str] = {},
    refused: Collection[str] = (),
    rules: Rules = RULES,
) -> Decision:
    """Choose the model that a task goes to next.

    `most_input_tokens` bounds what its prompt can be. `failed`: models already asked in this run, with the codes of
    their errors. `refused`: keys of budgets that said no in this run, with what each has left where that is known (a
    mapping; what costs no more than that is still a candidate), and `ledger` where nothing can be written down.
    """
    decision = _decide(task, catalog, experience, now, most_input_tokens, failed, refused, rules)
    if task.vendors is None or _commercial(decision.model):
        return decision
    allowed = msgspec.structs.replace(task, vendors=None)
    if not _commercial(_decide(allowed, catalog, experience, now, most_input_tokens, failed, refused, rules).model):
        return decision
    first = decision.model is not None and decision.reason not in (Reason.ESCALATED, Reason.FELL_BACK)
    reason = Reason.HELD_BACK if first else decision.reason
    return msgspec.structs.replace(decision, held_back=True, reason=reason)


def decide_embedding(
    model: Model, vendors: Collection[str] | None, experience: Experience, *, now: datetime, most_input_tokens: int
) -> Decision:
    """Whether this very model may turn texts into vectors now: vectors of another one could not be compared."""
    rates = FREE if model.place is Place.LOCAL else model.rates
    cost = None if rates is None else worst_case_nusd(most_input_tokens, 0, rates)
    verdict = barred(model, vendors, experience, now)
    reason = Reason.CONFIGURED if verdict is None else dict(_OBSTACLES)[verdict]
    return Decision(
        model=model if verdict is None else None,
        reason=reason,
        target=0.0,
        threshold=0.0,
        pool=Pool.NORMAL,
        held_back=verdict is Verdict.DENIED,
        considered=(Considered(model.ref, model.place, 1.0, cost, verdict or Verdict.CHOSEN),),
    )


def _decide(
    task: Task,
    catalog: Catalog,
    experience: Experience,
    now: datetime,
    most_input_tokens: int,
    failed: Mapping[str, str],
    refused: Collection[str],
    rules: Rules,
) -> Decision:
    band = band_of(task.complexity.score)
    candidates = [
        Candidate(
            model,
            belief(model, task.type, band, experience, now=now),
            worst_case(model, task, most_input_tokens),
            unfit(model, task, experience, now, most_input_tokens),
        )
        for model in sorted(catalog.models, key=lambda model: model.ref)
    ]
    candidates = after_failures(candidates, failed, rules)
    affordable = [within_budget(candidate, task, refused) for candidate in candidates]
    chosen, reason = _choose([one for one in affordable if one.verdict is None], task, failed, rules)
    if chosen is None:
        reason = _why_none(affordable)
    elif refused and chosen.model.place is Place.LOCAL and not failed:
        wanted, _ = _choose([one for one in candidates if one.verdict is None], task, failed, rules)
        if wanted is not None and _commercial(wanted.model):
            reason = Reason.BUDGET_SPENT
    target = rules.targets[task.importance]
    return Decision(
        model=chosen and chosen.model,
        reason=reason,
        target=target,
        threshold=rules.thresholds[task.type],
        pool=_pool(chosen, task, refused) if chosen else Pool.NORMAL,
        held_back=False,
        considered=tuple(
            _considered(one, chosen, target, by_price=task.importance is not Importance.EMERGENCY) for one in affordable
        ),
    )


def _pool(chosen: Candidate, task: Task, refused: Collection[str]) -> Pool:
    if task.importance is Importance.EMERGENCY and _commercial(chosen.model) and usual_refused(chosen, refused):
        return Pool.EMERGENCY
    return Pool.NORMAL


def _choose(
    eligible: Sequence[Candidate], task: Task, failed: Mapping[str, str], rules: Rules
) -> tuple[Candidate | None, Reason]:
    """Rules 1, 2 and 4 among those that may be asked, which stand in the order of their names."""
    if not eligible:
        return None, Reason.NO_MODELS
    chosen, reason = _by_rules(eligible, task, failed, rules)
    if any(code.startswith("answer-") for code in failed.values()):
        reason = Reason.ESCALATED
    elif failed:
        reason = Reason.FELL_BACK
    return chosen, reason


def _by_rules(
    eligible: Sequence[Candidate], task: Task, failed: Mapping[str, str], rules: Rules
) -> tuple[Candidate, Reason]:
    target = rules.targets[task.importance]
    if task.importance is Importance.EMERGENCY:
        best = max(one.belief.mean for one in eligible)
        strongest = [one for one in eligible if one.belief.mean > best - rules.near]
        return max(strongest, key=lambda one: (one.price, one.belief.mean)), Reason.EMERGENCY
    if task.complexity.score < rules.thresholds[task.type]:
        own = [one for one in eligible if one.model.place is Place.LOCAL and not _disappoints(one, task, rules)]
        if own:
            return max(own, key=lambda one: one.belief.mean), Reason.BELOW_THRESHOLD
    enough = [one for one in eligible if one.belief.mean >= target - EPSILON]
    if not enough:
        best = max(eligible, key=lambda one: (one.belief.mean, -one.price))
        return best, Reason.BEST_THERE_IS
    cheapest = min(enough, key=lambda one: (one.price, -one.belief.mean))
    if not failed and (tried := _to_explore(eligible, cheapest, task, rules)):
        return tried, Reason.EXPLORED
    local = cheapest.model.place is Place.LOCAL
    return cheapest, Reason.LOCAL_GOOD_ENOUGH if local else Reason.CHEAPEST_GOOD_ENOUGH


def _disappoints(one: Candidate, task: Task, rules: Rules) -> bool:
    hoped = min(starting_success(one.model, task.type), rules.targets[task.importance])
    return one.belief.mean < hoped - rules.disappointment


def _to_explore(eligible: Sequence[Candidate], chosen: Candidate, task: Task, rules: Rules) -> Candidate | None:
    """A cheaper model that may be better than what was seen of it, for the few tasks whose hash falls to it.

    Without it a model that failed a few times early would never be asked again, and so never be known to be better. The
    hash of what the task reads decides, so that the same task is always decided the same.
    """
    if not rules.explore_one_in or not task.input_hash or task.importance not in (Importance.LOW, Importance.NORMAL):
        return None
    drawn = int.from_bytes(hashlib.sha256(task.input_hash.encode()).digest()[:8], "big")
    if drawn % rules.explore_one_in:
        return None
    target = rules.targets[task.importance]
    hopeful = [
        one
        for one in eligible
        if one.price < chosen.price
        and one.belief.hopeful >= target
        and abs(one.belief.mean - starting_success(one.model, task.type)) > EPSILON
    ]
    return max(hopeful, key=lambda one: (one.belief.hopeful, -one.price), default=None)


def _considered(one: Candidate, chosen: Candidate | None, target: float, *, by_price: bool) -> Considered:
    """`by_price`: the cheapest that reaches the target was taken, so a dearer one lost by that, however capable."""
    verdict = one.verdict
    if verdict is None and chosen is not None:
        if one is chosen:
            verdict = Verdict.CHOSEN
        elif one.belief.mean < target - EPSILON and one.belief.mean < chosen.belief.mean:
            verdict = Verdict.BELOW_TARGET
        elif chosen.model.place is Place.LOCAL and _commercial(one.model):
            verdict = Verdict.NOT_NEEDED
        elif one.belief.mean < chosen.belief.mean and not (by_price and one.price > chosen.price):
            verdict = Verdict.LESS_CAPABLE
        elif not by_price and one.price < chosen.price:
            verdict = Verdict.CHEAPER
        else:
            verdict = Verdict.DEARER
    return Considered(one.model.ref, one.model.place, one.belief.mean, one.cost, verdict or Verdict.NOT_NEEDED)


def _why_none(candidates: Sequence[Candidate]) -> Reason:
    """The obstacle that somebody can do most about, of those that stood in the way."""
    met = {one.verdict for one in candidates}
    if any(_commercial(one.model) and one.verdict in _IN_SPITE_OF_LEAVE for one in candidates):
        met.discard(Verdict.DENIED)
    return next((reason for verdict, reason in _OBSTACLES if verdict in met), Reason.NO_MODELS)


def _commercial(model: Model | None) -> bool:
    return model is not None and model.place is not Place.LOCAL


_IN_SPITE_OF_LEAVE = (Verdict.COOLING_DOWN, Verdict.FAILED, Verdict.WEAKER)
"""What stands in a commercial model's way although its source allows it: nobody may say then that it allows none."""

_OBSTACLES = (
    (Verdict.OVER_BUDGET, Reason.NO_BUDGET),
    (Verdict.DENIED, Reason.SOURCE_DENIES),
    (Verdict.COOLING_DOWN, Reason.ALL_COOLING_DOWN),
    (Verdict.FAILED, Reason.ALL_FAILED),
    (Verdict.TOO_LONG, Reason.TOO_LONG),
    (Verdict.UNPRICED, Reason.UNPRICED),
    (Verdict.NOT_FOR_TYPE, Reason.NO_MODEL_FOR_TYPE),
)
