"""The built-in extractor: patterns from what recurs, without a language model. Pure: no I/O, no clock, fixed seeds.

`extract_recurring` reads a history, `extract_document` one document or conversation.
"""

from collections import Counter
from collections.abc import Sequence

import numpy

from service.extraction.builtin import cochange_pattern, groups, seeds, worth, writing
from service.extraction.builtin.cochange import cochanges
from service.extraction.builtin.document import extract_document
from service.extraction.builtin.extraction import Extraction, Progress
from service.extraction.builtin.reading import Floats, build_history, embedding_text, one_thread
from service.extraction.grounding import ground
from service.extraction.interaction import Interaction

_MOST = 64

__all__ = ["Extraction", "embedding_text", "extract_document", "extract_recurring", "teaches"]


def teaches(interactions: Sequence[Interaction]) -> list[str | None]:
    """For each interaction the reason why it teaches nothing, or None: only those with None need an embedding."""
    order = sorted(range(len(interactions)), key=lambda at: _age(interactions[at]))
    in_order = [interactions[at] for at in order]
    gone = worth.reverted(in_order)
    repeated = worth.repeated_merges(in_order)
    reasons: list[str | None] = [None] * len(interactions)
    for at, item in zip(order, in_order, strict=True):
        if item.external_key in gone:
            reasons[at] = worth.REVERTED
            continue
        reasons[at] = worth.why_not(item)
        if reasons[at] is None and item.external_key in repeated:
            reasons[at] = worth.REPEATED_MERGE
    return reasons


def extract_recurring(
    interactions: Sequence[Interaction], vectors: Floats | None, progress: Progress | None = None
) -> Extraction:
    """Patterns that at least three independent sources show, best first; the order of the input does not matter.

    `vectors`: one L2-normalised row for each interaction, of `embedding_text`; zeros for one without a vector, which is
    compared by words and paths, and anything for one that teaches nothing. None: words, paths and co-change only.
    Raises ValueError if the rows do not fit.
    """
    if vectors is not None and len(vectors) != len(interactions):
        raise ValueError(f"{len(vectors)} vectors for {len(interactions)} interactions")
    with one_thread():
        return _extract(interactions, vectors, progress or _untold)


def _extract(interactions: Sequence[Interaction], vectors: Floats | None, tell: Progress) -> Extraction:
    tell("reading", 0.0)
    reasons = teaches(interactions)
    left_out = dict(sorted(Counter(reason for reason in reasons if reason).items()))
    order = sorted(range(len(interactions)), key=lambda at: _age(interactions[at]))
    kept = [at for at in order if reasons[at] is None]
    if len(kept) < groups.SMALLEST:
        return Extraction(patterns=(), left_out=left_out, reason=_too_little(len(interactions), len(kept)))
    rows = None if vectors is None else numpy.ascontiguousarray(vectors[kept], dtype=numpy.float32)
    history = build_history([interactions[at] for at in kept], [interactions[at] for at in order], rows)
    tell("grouping", 0.3)
    # A theme that takes in more than a twentieth of the work is the project's own subject, not one of its patterns.
    largest = max(12, len(kept) // 20)
    proposed = seeds.seeds(history, smallest=groups.SMALLEST, largest=2 * largest)
    refined = groups.refine(history, proposed)
    tell("choosing", 0.7)
    # One pattern for each 24 interactions worth reading is what a maintainer still reads.
    most = min(_MOST, max(8, len(kept) // 24))
    common = writing.commonness_of(history)
    drafts = groups.choose(
        history, refined, lambda group: writing.draft(history, group, common), most=most, largest=largest
    )
    tell("writing", 0.9)
    taken: set[str] = set()
    patterns = [writing.write(history, one, _unique(one.name, taken)) for one in drafts]
    pairs = cochanges(history, most=max(2, most // 10), largest=largest)
    patterns.extend(cochange_pattern.write_cochange(history, pair) for pair in pairs)
    by_key = {(item.external_key, item.revision): item for item in interactions}
    grounded = [kept_one for one in patterns if (kept_one := ground(one, by_key)) is not None]
    grounded.sort(key=lambda one: (-one.confidence, one.name))
    tell("done", 1.0)
    reason = None if grounded else f"Nothing recurs over three independent changes in the {len(kept)} worth reading."
    return Extraction(patterns=tuple(grounded), left_out=left_out, reason=reason)


def _untold(_step: str, _share: float) -> None:
    """Nobody watches."""


def _age(item: Interaction) -> tuple[float, str, str]:
    return item.occurred_at.timestamp(), item.external_key, item.revision


def _unique(name: str, taken: set[str]) -> str:
    """The name, with a number behind it if another pattern has it already."""
    found, number = name, 2
    while found.casefold() in taken:
        found, number = f"{name} ({number})", number + 1
    taken.add(found.casefold())
    return found


def _too_little(given: int, kept: int) -> str:
    if not given:
        return "There is nothing to learn from: no interactions were given."
    return f"Too little to learn from: {kept} of {given} interactions say something, and a pattern needs three sources."
