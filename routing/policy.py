"""The only chooser: which model gets a task, and why. Values in, a Decision out; no clock, no network, no chance."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from routing.budget import Pool
from routing.catalog import Catalog, Model, Place
from routing.circuit import LONGEST_REST_S
from routing.outcome import Belief, Experience, belief, starting_success
from routing.price import worst_case_nusd
from routing.reasons import REASONS, VERDICTS, Reason, Verdict
from routing.task import Importance, Task, TaskType, band_of

__all__ = ["REASONS", "RULES", "VERDICTS", "Considered", "Decision", "Reason", "Rules", "Verdict", "barred", "decide"]

THRESHOLDS: Mapping[TaskType, float] = {
    TaskType.PATTERN_EXTRACTION: 0.3,
    TaskType.RELATIONSHIP_MAPPING: 0.4,
    TaskType.CONTENT_ANALYSIS: 0.2,
    TaskType.STRATEGIC_ANALYSIS: 0.8,
    TaskType.COMPLEX_REASONING: 0.9,
    TaskType.DECISION_MAKING: 0.7,
}
"""Complexity below which a task is local work."""

TARGETS: Mapping[Importance, float] = {
    Importance.LOW: 0.6,
    Importance.NORMAL: 0.7,
    Importance.HIGH: 0.85,
    Importance.EMERGENCY: 0.95,
}
"""How likely an answer has to stand."""


class Rules(msgspec.Struct, frozen=True):
    """The numbers that decide.

    `disappointment`: how far below what was expected of it (the target, or its starting number where that is lower) a
    local model must be known to be before easy tasks are no longer its own. `explore_one_in`: of how many tasks of low
    or normal importance one goes to a cheaper model that may have been judged too early; 0 for none. `near`: expected
    successes closer than this cannot be told apart, so that the dearer of two is taken to be the stronger.
    """

    thresholds: Mapping[TaskType, float] = THRESHOLDS
    targets: Mapping[Importance, float] = TARGETS
    disappointment: float = 0.1
    explore_one_in: int = 20
    near: float = 0.05


RULES = Rules()

LOCAL_BYTES_PER_TOKEN = 2
"""What a token stands for at least, when it is asked whether a prompt fits into a local model. One byte is the safe
bound and counts where money does; text and code take three to five. A local prompt that was cut all the same is
noticed, costs nothing, and goes to a model with more room."""


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


class _Candidate(msgspec.Struct, frozen=True):
    model: Model
    belief: Belief
    cost: int | None
    verdict: Verdict | None

    @property
    def price(self) -> int:
        return self.cost or 0


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
    their errors. `refused`: keys of budgets that said no in this run, and `ledger` where nothing can be written down.
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
        _Candidate(
            model,
            belief(model, task.type, band, experience, now=now),
            worst_case(model, task, most_input_tokens),
            _unfit(model, task, experience, now, most_input_tokens),
        )
        for model in sorted(catalog.models, key=lambda model: model.ref)
    ]
    candidates = _after_failures(candidates, failed, rules)
    affordable = [_within_budget(candidate, task, refused) for candidate in candidates]
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
        pool=_pool(chosen.model, task, refused) if chosen else Pool.NORMAL,
        held_back=False,
        considered=tuple(_considered(one, chosen, target) for one in affordable),
    )


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


def _unfit(model: Model, task: Task, experience: Experience, now: datetime, most_input_tokens: int) -> Verdict | None:
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


def _after_failures(candidates: Sequence[_Candidate], failed: Mapping[str, str], rules: Rules) -> list[_Candidate]:
    """After a bad answer only a stronger model is of use; after an outage any other; after a cut prompt more room."""
    if not failed:
        return list(candidates)
    before = [one for one in candidates if one.model.ref in failed]
    bad = [one for one in before if failed[one.model.ref].startswith("answer-")]
    cut = max((one.model.context_tokens for one in before if failed[one.model.ref] == "prompt-truncated"), default=0)

    def judged(one: _Candidate) -> _Candidate:
        if one.model.ref in failed:
            return msgspec.structs.replace(one, verdict=Verdict.FAILED)
        if one.verdict is None and one.model.context_tokens <= cut:
            return msgspec.structs.replace(one, verdict=Verdict.TOO_LONG)
        if one.verdict is None and not all(_stronger(one, than, rules) for than in bad):
            return msgspec.structs.replace(one, verdict=Verdict.WEAKER)
        return one

    return [judged(one) for one in candidates]


def _stronger(one: _Candidate, than: _Candidate, rules: Rules) -> bool:
    more = one.belief.mean - than.belief.mean
    return more > _EPSILON if one.price <= than.price else more > -rules.near


def _within_budget(one: _Candidate, task: Task, refused: Collection[str]) -> _Candidate:
    if one.verdict is not None or one.model.place is Place.LOCAL or not refused:
        return one
    if "ledger" in refused:
        over = True
    elif task.importance is Importance.EMERGENCY:
        over = "emergency" in refused and _normal_refused(one.model, refused)
    else:
        over = _normal_refused(one.model, refused)
    return msgspec.structs.replace(one, verdict=Verdict.OVER_BUDGET) if over else one


def _normal_refused(model: Model, refused: Collection[str]) -> bool:
    return any(key in ("total", f"vendor:{model.vendor}") or key.startswith("project:") for key in refused)


def _pool(model: Model, task: Task, refused: Collection[str]) -> Pool:
    if task.importance is Importance.EMERGENCY and _commercial(model) and _normal_refused(model, refused):
        return Pool.EMERGENCY
    return Pool.NORMAL


def _choose(
    eligible: Sequence[_Candidate], task: Task, failed: Mapping[str, str], rules: Rules
) -> tuple[_Candidate | None, Reason]:
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
    eligible: Sequence[_Candidate], task: Task, failed: Mapping[str, str], rules: Rules
) -> tuple[_Candidate, Reason]:
    target = rules.targets[task.importance]
    if task.importance is Importance.EMERGENCY:
        return max(eligible, key=lambda one: (one.belief.mean, one.price)), Reason.EMERGENCY
    if task.complexity.score < rules.thresholds[task.type]:
        own = [one for one in eligible if one.model.place is Place.LOCAL and not _disappoints(one, task, rules)]
        if own:
            return max(own, key=lambda one: one.belief.mean), Reason.BELOW_THRESHOLD
    enough = [one for one in eligible if one.belief.mean >= target - _EPSILON]
    if not enough:
        best = max(eligible, key=lambda one: (one.belief.mean, -one.price))
        return best, Reason.BEST_THERE_IS
    cheapest = min(enough, key=lambda one: (one.price, -one.belief.mean))
    if not failed and (tried := _to_explore(eligible, cheapest, task, rules)):
        return tried, Reason.EXPLORED
    local = cheapest.model.place is Place.LOCAL
    return cheapest, Reason.LOCAL_GOOD_ENOUGH if local else Reason.CHEAPEST_GOOD_ENOUGH


def _disappoints(one: _Candidate, task: Task, rules: Rules) -> bool:
    hoped = min(starting_success(one.model, task.type), rules.targets[task.importance])
    return one.belief.mean < hoped - rules.disappointment


def _to_explore(eligible: Sequence[_Candidate], chosen: _Candidate, task: Task, rules: Rules) -> _Candidate | None:
    """A cheaper model that has failed and may be better than that, for the few tasks whose hash falls to it.

    Without it a model that failed a few times early would never be asked again, and so never be known to be better. The
    hash of what the task reads decides, so that the same task is always decided the same.
    """
    if not rules.explore_one_in or not task.input_hash or task.importance not in (Importance.LOW, Importance.NORMAL):
        return None
    drawn = int.from_bytes(hashlib.sha256(task.input_hash.encode()).digest()[:8], "big")
    if drawn % rules.explore_one_in:
        return None
    target = rules.targets[task.importance]
    hopeful = [one for one in eligible if one.price < chosen.price and one.belief.seen and one.belief.hopeful >= target]
    return max(hopeful, key=lambda one: (one.belief.hopeful, -one.price), default=None)


def _considered(one: _Candidate, chosen: _Candidate | None, target: float) -> Considered:
    verdict = one.verdict
    if verdict is None and chosen is not None:
        if one is chosen:
            verdict = Verdict.CHOSEN
        elif one.belief.mean < target - _EPSILON and one.belief.mean < chosen.belief.mean:
            verdict = Verdict.BELOW_TARGET
        elif chosen.model.place is Place.LOCAL and _commercial(one.model):
            verdict = Verdict.NOT_NEEDED
        elif one.belief.mean < chosen.belief.mean:
            verdict = Verdict.LESS_CAPABLE
        else:
            verdict = Verdict.DEARER
    return Considered(one.model.ref, one.model.place, one.belief.mean, one.cost, verdict or Verdict.NOT_NEEDED)


def _why_none(candidates: Sequence[_Candidate]) -> Reason:
    """The obstacle that somebody can do most about, of those that stood in the way."""
    met = {one.verdict for one in candidates}
    return next((reason for verdict, reason in _OBSTACLES if verdict in met), Reason.NO_MODELS)


def _commercial(model: Model | None) -> bool:
    return model is not None and model.place is not Place.LOCAL


_EPSILON = 1e-9

_OBSTACLES = (
    (Verdict.OVER_BUDGET, Reason.NO_BUDGET),
    (Verdict.DENIED, Reason.SOURCE_DENIES),
    (Verdict.COOLING_DOWN, Reason.ALL_COOLING_DOWN),
    (Verdict.FAILED, Reason.ALL_FAILED),
    (Verdict.TOO_LONG, Reason.TOO_LONG),
    (Verdict.UNPRICED, Reason.UNPRICED),
    (Verdict.NOT_FOR_TYPE, Reason.NO_MODEL_FOR_TYPE),
)
