"""An interaction into tasks: for each piece of its text a look whether it is worth reading, then the reading. Pure."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from routing.complexity import DEFAULT, Weights, score
from routing.task import Importance, Priority, Prompt, Task, TaskType, input_hash
from service.extraction.interaction import Interaction
from service.extraction.secret_rules.rule import PLACEHOLDER
from service.extraction.splitting import Span, split
from service.extraction.tasks import content_analysis, pattern_extraction
from service.extraction.tasks.fence import fenced

LONGEST_PIECE_BYTES = 6_000
"""What one call reads: with our own words, the answer's shape and the answer it fits into the 8,192 tokens that a local
model is given by default, at two bytes a token, which is how the policy reckons them."""

_IMPORTANCE = {
    Priority.BACKFILL: Importance.LOW,
    Priority.INTERACTIVE: Importance.NORMAL,
    Priority.WEBHOOK: Importance.HIGH,
}
_HIDDEN = re.compile(f"{re.escape(PLACEHOLDER)}+")


class About(msgspec.Struct, frozen=True):
    """What tasks say of their interaction besides its text: whose it is, how much it matters, who may see it."""

    importance: Importance = Importance.NORMAL
    vendors: frozenset[str] | None = frozenset()
    project_id: UUID | None = None
    source_id: UUID | None = None
    interaction_id: UUID | None = None


class Piece(msgspec.Struct, frozen=True):
    """The tasks of `text[start:end]`: `reading` is for where `look` finds it worth the while."""

    span: Span
    look: Task
    reading: Task


def importance_of(priority: str, *, emergency: bool) -> Importance:
    """How sure the answer has to be: an admin's emergency; else by how it came in."""
    return Importance.EMERGENCY if emergency else _IMPORTANCE[Priority(priority)]


def plan(interaction: Interaction, about: About, *, weights: Weights = DEFAULT) -> tuple[Piece, ...]:
    """The tasks of an interaction, piece by piece."""
    text = interaction.text
    spans = split(text, LONGEST_PIECE_BYTES)
    kind, files = interaction.kind.value, interaction.details.files_total
    pieces: list[Piece] = []
    for number, (start, end) in enumerate(spans, start=1):
        said = text[start:end]
        looked = content_analysis.prompt(said, kind=kind)
        read = pattern_extraction.prompt(said, kind=kind, part=number, parts=len(spans))
        pieces.append(
            Piece(
                (start, end),
                _task(TaskType.CONTENT_ANALYSIS, looked, said, about, kind=kind, files=files, weights=weights),
                _task(TaskType.PATTERN_EXTRACTION, read, said, about, kind=kind, files=files, weights=weights),
            )
        )
    return tuple(pieces)


def single_task(
    task_type: TaskType, text: str, about: About, *, kind: str = "document", files: int = 0, weights: Weights = DEFAULT
) -> Task:
    """One task of a type about a text as it stands, to be asked where it would go."""
    made = _PROMPTS.get(task_type)
    prompt = made(text, kind=kind) if made else _unwritten(task_type, text, kind=kind)
    return _task(task_type, prompt, text, about, kind=kind, files=files, weights=weights)


_PROMPTS: dict[TaskType, Callable[..., Prompt]] = {
    TaskType.CONTENT_ANALYSIS: content_analysis.prompt,
    TaskType.PATTERN_EXTRACTION: pattern_extraction.prompt,
}
_VERSIONS = {
    TaskType.CONTENT_ANALYSIS: content_analysis.VERSION,
    TaskType.PATTERN_EXTRACTION: pattern_extraction.VERSION,
}


def _unwritten(task_type: TaskType, text: str, *, kind: str) -> Prompt:
    """Stands for a prompt of a type that nothing here asks for, as long as the one that patterns are extracted with."""
    alike = pattern_extraction.prompt(text, kind=kind)
    return Prompt(task_type.value, alike.system, fenced(text, kind=kind), alike.answer, alike.max_output_tokens)


def _task(
    task_type: TaskType, prompt: Prompt, said: str, about: About, *, kind: str, files: int, weights: Weights
) -> Task:
    values: dict[str, Any] = msgspec.structs.asdict(about)
    return Task(
        type=task_type,
        prompt=prompt,
        complexity=score(said, kind=kind, files=files, weights=weights),
        redactions=len(_HIDDEN.findall(said)),
        prompt_version=_VERSIONS.get(task_type, ""),
        input_hash=input_hash([prompt.user]),
        **values,
    )
