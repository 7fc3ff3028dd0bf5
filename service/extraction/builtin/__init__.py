"""The built-in extractor: patterns from what recurs, without a language model. Pure: no I/O, no clock, fixed seeds.

`extract_recurring` reads a history, `extract_document` one document or conversation.
"""

from collections import Counter
from collections.abc import Sequence

import numpy

from service.extraction.builtin import groups, seeds, worth, writing
from service.extraction.builtin.document import extract_document
from service.extraction.builtin.extraction import Extraction, Progress
from service.extraction.builtin.reading import Floats, build_history, embedding_text
from service.extraction.grounding import ground
from service.extraction.interaction import Interaction

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

    `vectors`: one L2-normalised row for each interaction, of `embedding_text`; rows of interactions that teach nothing
    may hold anything. None: words, paths and co-change only. Raises ValueError if the rows do not fit.
    """
    if vectors is not None and len(vectors) != len(interactions):
        raise ValueError(f"{len(vectors)} vectors for {len(interactions)} interactions")
    tell = progress or _untold
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
    largest = max(8, len(kept) // 10)
    proposed = seeds.seeds(history, smallest=groups.SMALLEST, largest=2 * largest)
    refined = [group for seed in proposed if (group := groups.refine(history, seed)) is not None]
    tell("choosing", 0.7)
    # One pattern for each 28 commits worth reading: what a maintainer still reads; never more than 120.
    most = min(120, max(10, len(kept) // 28))
    rarity = writing.rarity_of(history)
    drafts = {
        (one.group.seed.view, one.group.seed.anchor): one
        for group in refined
        if (one := writing.draft(history, group, rarity)) is not None
    }
    nameable = [one.group for one in drafts.values()]
    chosen = groups.choose(nameable, most=most, largest=largest)
    tell("writing", 0.9)
    taken: set[str] = set()
    patterns = [
        writing.write(history, one, _unique(one.name, taken))
        for one in (drafts[group.seed.view, group.seed.anchor] for group in chosen)
    ]
    by_key = {(item.external_key, item.revision): item for item in interactions}
    grounded = tuple(kept_one for one in patterns if (kept_one := ground(one, by_key)) is not None)
    tell("done", 1.0)
    reason = None if grounded else f"Nothing recurs over three independent changes in the {len(kept)} worth reading."
    return Extraction(patterns=grounded, left_out=left_out, reason=reason)


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
