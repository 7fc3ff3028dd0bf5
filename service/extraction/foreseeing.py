"""What would be decided of a task now, with every budget as it stands: nothing is reserved, nothing is sent."""

from collections.abc import Iterable, Sequence

import msgspec

from routing.budget import Pool
from routing.catalog import Place
from routing.policy import Considered, Decision
from routing.reasons import REASONS, VERDICTS
from routing.router import Router
from routing.task import Importance, Task, TaskType
from routing.weights import Weights
from service.extraction.plan import LONGEST_PIECE_BYTES, About, single_task
from service.extraction.splitting import split
from service.storage.database import Database, Role
from service.storage.route import Left, left

# Without a limit on these nothing is spent at all; without one on a vendor or a project it is only counted.
_NEED_A_LIMIT = frozenset({"total", "emergency"})


class ConsideredModel(msgspec.Struct, frozen=True):
    """One model in a decision. `worst_case_nusd`: null where nobody knows its price; `why`: the verdict in words."""

    model: str
    place: Place
    expected_success: float
    worst_case_nusd: int | None
    verdict: str
    why: str


class Foreseen(msgspec.Struct, frozen=True):
    """What would be decided. `model` null: nobody may be asked, the built-in extractor takes over.

    `complexity` in [0,1], with the parts that made it. `held_back`: a commercial model would get it, did its source
    allow that. `pieces`: how many the text is read in; this is about the first.
    """

    task_type: TaskType
    importance: Importance
    complexity: float
    complexity_parts: dict[str, float]
    complexity_version: str
    threshold: float
    target: float
    model: str | None
    place: Place | None
    reason: str
    why: str
    pool: Pool
    held_back: bool
    considered: tuple[ConsideredModel, ...]
    pieces: int = 1


async def foresee_text(
    database: Database, router: Router, task_type: TaskType, text: str, about: About, weights: Weights
) -> tuple[Foreseen, tuple[Left, ...]]:
    """The same for a text that is no interaction yet, read in pieces as one would be."""
    spans = split(text, LONGEST_PIECE_BYTES)
    task = single_task(task_type, text[slice(*spans[0])], about, weights=weights)
    foreseen, known = await foresee(database, router, task)
    return msgspec.structs.replace(foreseen, pieces=len(spans)), known


async def foresee(database: Database, router: Router, task: Task) -> tuple[Foreseen, tuple[Left, ...]]:
    """The decision and what the budgets that it rests on have left. Raises DatabaseUnavailable."""
    vendors = {model.vendor for model in router.catalog.models if model.place is not Place.LOCAL}
    keys = {"total", "emergency", *(f"vendor:{vendor}" for vendor in vendors)}
    if task.project_id is not None:
        keys.add(f"project:{task.project_id}")
    async with database.transaction(Role.SERVICE) as connection:
        known = await left(connection, keys)
    refused: set[str] = set()
    while True:
        decision = await router.decide(task, refused=refused)
        no = _refuses(decision, task, known)
        if no is None or no in refused:
            return _foreseen(task, decision), known
        refused.add(no)


def _refuses(decision: Decision, task: Task, known: Sequence[Left]) -> str | None:
    """The budget that would not grant it, as motif.spend decides; None if each does."""
    model = decision.model
    if model is None or model.place is Place.LOCAL:
        return None
    keys = ["emergency"] if decision.pool is Pool.EMERGENCY else ["total", f"vendor:{model.vendor}"]
    if task.project_id is not None and decision.pool is not Pool.EMERGENCY:
        keys.append(f"project:{task.project_id}")
    worst = next((one.worst_case_nusd or 0 for one in decision.considered if one.model == model.ref), 0)
    return next((key for key in keys if not _grants([one for one in known if one.budget == key], key, worst)), None)


def _grants(periods: Iterable[Left], key: str, worst_nusd: int) -> bool:
    limits = [one.left_nusd for one in periods if one.left_nusd is not None]
    if not limits:
        return key not in _NEED_A_LIMIT
    return worst_nusd <= min(limits)


def _foreseen(task: Task, decision: Decision) -> Foreseen:
    return Foreseen(
        task_type=task.type,
        importance=task.importance,
        complexity=task.complexity.score,
        complexity_parts=dict(task.complexity.parts),
        complexity_version=task.complexity.version,
        threshold=decision.threshold,
        target=decision.target,
        model=decision.model.ref if decision.model else None,
        place=decision.model.place if decision.model else None,
        reason=decision.reason.value,
        why=REASONS[decision.reason],
        pool=decision.pool,
        held_back=decision.held_back,
        considered=tuple(map(_considered, decision.considered)),
    )


def _considered(one: Considered) -> ConsideredModel:
    return ConsideredModel(
        one.model, one.place, one.expected_success, one.worst_case_nusd, one.verdict.value, VERDICTS[one.verdict]
    )
