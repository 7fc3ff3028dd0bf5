"""The tasks of an interaction put to models, one after the other; what was answered before is not asked again."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from routing.attempt import Attempt
from routing.budget import Pool
from routing.call_failed import CallFailed
from routing.catalog import Place
from routing.complexity import DEFAULT, Weights
from routing.errors import AnswerUngrounded
from routing.kept import kept
from routing.policy import Decision
from routing.reasons import REASONS, Reason
from routing.router import Routed, Router
from routing.task import Task
from service.errors import DatabaseUnavailable
from service.extraction.interaction import Interaction
from service.extraction.pattern import ExtractedPattern, Maker
from service.extraction.plan import About, Piece, importance_of, plan
from service.extraction.splitting import Span
from service.extraction.tasks import content_analysis, pattern_extraction
from service.extraction.tasks.content_analysis import Worth
from service.extraction.tasks.pattern_extraction import Checked, Patterns
from service.log import logger
from service.storage import tasks
from service.storage.database import Database, Role
from service.storage.interactions import Row
from service.storage.permission import NOBODY, Vendors, of_interactions

T = TypeVar("T")

MOST_PIECES = 40
"""Pieces of one interaction that models read, which is more than MOTIF_MAX_TEXT_CHARS allows by default. What lies
behind them is left to the built-in extractor, and the task says so."""
TOO_MANY_PIECES = "too-many-pieces"
BUILTIN = "builtin"
_NOBODY = Decision(None, Reason.NO_MODELS, 0.0, 0.0, Pool.NORMAL, held_back=False, considered=())


class Reader(msgspec.Struct, frozen=True):
    """Who read how many pieces of an interaction: a model (vendor/name) or `builtin`; why, as a code and in words."""

    extractor: str
    reason: str
    why: str
    pieces: int = 1
    cost_nusd: int = 0


class Heard(msgspec.Struct, frozen=True):
    """What models answered of an interaction.

    `unread`: pieces that none of them answered for, which are the built-in extractor's. `tasks`: rows of tasks that are
    to be kept along with what is stored; those that were answered are kept already. `dropped`: patterns and quotes of
    answers that do not stand in the text. `nothing`: what a model said of pieces that are not worth reading.
    """

    patterns: tuple[ExtractedPattern, ...]
    readers: tuple[Reader, ...]
    unread: tuple[Span, ...]
    tasks: tuple[Row, ...]
    dropped: int = 0
    nothing: str | None = None


class _Said(msgspec.Struct, frozen=True):
    """One task's answer: the value that stands, who gave it, and what it cost this time."""

    value: Any
    maker: Maker
    reason: str
    cost_nusd: int


async def ask_models(
    database: Database, router: Router | None, interaction: Interaction, row: Row, *, weights: Weights = DEFAULT
) -> Heard:
    """Have models read an interaction piece by piece, as far as any can. Nothing is stored but answers and money.

    A model that cannot be reached or paid is no error: what it would have read is `unread`. After the first piece that
    nobody could take the others are not tried. Raises DatabaseUnavailable.
    """
    about = About(
        importance=importance_of(row["priority"], emergency=row["emergency"]),
        project_id=row["project_id"],
        source_id=row["source_id"],
        interaction_id=row["id"],
    )
    pieces = plan(interaction, about, weights=weights)
    if router is None:
        return _unasked(pieces)
    asking = _Asking(database, router, interaction)
    for number, piece in enumerate(pieces[:MOST_PIECES]):
        if not await asking.read(piece):
            asking.leave(pieces[number + 1 :])
            break
    if len(pieces) > MOST_PIECES and not asking.gave_up:
        asking.leave_behind(pieces[MOST_PIECES:])
    return asking.heard()


class _Asking:
    """What has come of one interaction's tasks so far."""

    def __init__(self, database: Database, router: Router, interaction: Interaction) -> None:
        self._database = database
        self._router = router
        self._interaction = interaction
        self._patterns: dict[str, ExtractedPattern] = {}
        self._readers: dict[tuple[str, str], Reader] = {}
        self._unread: list[Span] = []
        self._tasks: list[Row] = []
        self._dropped = 0
        self._nothing: list[str] = []
        self.gave_up = False

    async def read(self, piece: Piece) -> bool:
        """Ask about one piece; False when no model can be asked now, so that asking about others is of no use."""
        worth = await self._look(piece)
        if worth is not None and not worth.value.worth:
            self._count(worth)
            self._nothing.append(content_analysis.why(worth.value))
            return True
        start, end = piece.span

        def check(answer: Patterns) -> Checked:
            return pattern_extraction.check(answer, self._interaction, start, end)

        try:
            said = await self._ask(piece.reading, Patterns, check)
        except CallFailed as error:
            self._fall_back(piece, error)
            self.gave_up = not any(_bad_answer(attempt) for attempt in error.attempts)
            return not self.gave_up
        self._count(said)
        self._dropped += said.value.dropped
        for pattern in said.value.patterns:
            self._patterns.setdefault(pattern.key, msgspec.structs.replace(pattern, maker=said.maker))
        return True

    def leave(self, pieces: Sequence[Piece]) -> None:
        """Leave pieces to the built-in extractor for the reason for which the last one was."""
        if not pieces:
            return
        self._unread.extend(piece.span for piece in pieces)
        self._tasks[-1] |= _further(len(pieces), self._tasks[-1]["explanation"])
        key, reader = list(self._readers.items())[-1]
        self._readers[key] = msgspec.structs.replace(reader, pieces=reader.pieces + len(pieces))

    def leave_behind(self, pieces: Sequence[Piece]) -> None:
        """Leave pieces to the built-in extractor because there are more than models are asked to read."""
        why = f"Models read the first {MOST_PIECES} pieces; the built-in extractor reads the rest."
        self._unread.extend(piece.span for piece in pieces)
        self._tasks.append(_row(pieces[0].reading, _NOBODY) | {"reason": TOO_MANY_PIECES} | _further(len(pieces) - 1))
        self._readers[BUILTIN, TOO_MANY_PIECES] = Reader(BUILTIN, TOO_MANY_PIECES, why, len(pieces))

    def heard(self) -> Heard:
        """All of it."""
        return Heard(
            tuple(self._patterns.values()),
            tuple(self._readers.values()),
            tuple(self._unread),
            tuple(self._tasks),
            self._dropped,
            "; ".join(dict.fromkeys(self._nothing)) or None,
        )

    async def _look(self, piece: Piece) -> _Said | None:
        """Whether a piece is worth reading; None when nobody could say, so that it counts as worth it."""
        try:
            return await self._ask(piece.look, Worth, lambda answer: answer)
        except CallFailed as error:
            self._tasks.append(_row(piece.look, error.decision, error.attempts) | {"state": "failed"})
            return None

    async def _ask(self, task: Task, shape: type[T], check: Callable[[T], Any]) -> _Said:
        """The answer that is kept, else one of a model; raises CallFailed."""
        async with self._database.transaction(Role.SERVICE) as connection:
            before = await tasks.kept(connection, task)
        if before is not None:
            said = self._again(before, shape, check)
            if said is not None:
                return said

        async def allowed() -> Vendors:
            interaction = UUID(str(task.interaction_id))
            try:
                async with self._database.transaction(Role.SERVICE) as connection:
                    found = await of_interactions(connection, UUID(str(task.project_id)), [interaction])
            except DatabaseUnavailable:
                return NOBODY  # what is local needs no permission
            return found[interaction].vendors

        # Asked anew for each task and attempt: what a source denies from now on is not sent from now on.
        routed: Routed = await self._router.run(task, check, allowed=allowed)
        maker = _maker(routed.model, routed.place)
        return _Said(routed.value, maker, routed.decision.reason.value, routed.cost_nusd)

    def _again(self, before: Row, shape: type[T], check: Callable[[T], Any]) -> _Said | None:
        """An answer that was given before, checked as if it came now; None if it does not pass."""
        try:
            value = check(msgspec.convert(before["answer"], shape))
        except (msgspec.ValidationError, AnswerUngrounded):
            return None
        explanation: Row = before["explanation"] or {}
        considered: list[Row] = explanation.get("considered", [])
        place = next((one["place"] for one in considered if one["model"] == before["decision"]), Place.COMMERCIAL)
        return _Said(value, _maker(before["decision"], Place(place)), before["reason"], 0)

    def _count(self, said: _Said) -> None:
        key = (said.maker.model, said.reason)
        before = self._readers.get(key)
        words = REASONS[Reason(said.reason)] if said.reason in set(Reason) else said.reason
        reader = before or Reader(said.maker.model, said.reason, words, 0)
        self._readers[key] = msgspec.structs.replace(
            reader, pieces=reader.pieces + 1, cost_nusd=reader.cost_nusd + said.cost_nusd
        )

    def _fall_back(self, piece: Piece, error: CallFailed) -> None:
        """Leave a piece to the built-in extractor, with what was tried before."""
        reason = error.decision.reason.value
        self._unread.append(piece.span)
        self._tasks.append(_row(piece.reading, error.decision, error.attempts))
        before = self._readers.pop((BUILTIN, reason), None) or Reader(
            BUILTIN, reason, REASONS[error.decision.reason], 0
        )
        self._readers[BUILTIN, reason] = msgspec.structs.replace(before, pieces=before.pieces + 1)
        logger().info(
            "built-in extractor takes over",
            interaction_id=str(piece.reading.interaction_id),
            reason=reason,
            attempts=len(error.attempts),
        )


def _further(pieces: int, explanation: Row | None = None) -> Row:
    """That the same holds for so many pieces that follow."""
    return {"explanation": {**(explanation or {}), "further": pieces}}


def _unasked(pieces: Sequence[Piece]) -> Heard:
    """There is nobody to ask: all of it is the built-in extractor's."""
    reason = Reason.NO_MODELS
    row = _row(pieces[0].reading, _NOBODY) | _further(len(pieces) - 1)
    reader = Reader(BUILTIN, reason.value, REASONS[reason], len(pieces))
    return Heard((), (reader,), tuple(piece.span for piece in pieces), (row,))


def _row(task: Task, decision: Decision, attempts: Sequence[Attempt] = ()) -> Row:
    """A task that no model did, as its row; the built-in extractor does what it was for."""
    spent = sum(attempt.cost_nusd for attempt in attempts)
    columns = kept(task, decision, None, attempts=len(attempts), cost_nusd=spent) or {}
    return {**columns, "project_id": str(task.project_id), "interaction_id": str(task.interaction_id)}


def _bad_answer(attempt: Attempt) -> bool:
    return attempt.result.startswith(("answer-", "prompt-"))


def _maker(model: str, place: Place) -> Maker:
    return Maker("local_llm" if place is Place.LOCAL else "commercial_llm", model)
