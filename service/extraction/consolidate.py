"""What was found against what is stored: new, the same, or a better version. Pure; never merges two stored patterns."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from service.extraction.pattern import BUILTIN, ExtractedPattern

# As the database has it.
LONGEST_NAME = 300

# Two groups are the same recurrence when the smaller one lies mostly in the larger one.
SAME_OVERLAP = 0.6

Member = tuple[str, str]
OPEN = ("proposed", "active")


class Known(msgspec.Struct, frozen=True):
    """A stored pattern as consolidation sees it. Where `status` is proposed or active its name is taken.

    `fixed`: written, edited or put away by somebody, so only evidence is ever added. `decided`: its status was set by
    somebody. `by_model`: its words are a language model's, which the built-in extractor does not replace by its own.
    `members`: the revisions that its evidence quotes.
    """

    id: str
    key: str
    name: str
    version: int
    members: frozenset[Member]
    status: str = "active"
    fixed: bool = False
    decided: bool = False
    by_model: bool = False


class Consolidated(msgspec.Struct, frozen=True):
    """`known` is None for a new pattern; `changed` says whether the stored one gets a new version."""

    pattern: ExtractedPattern
    known: Known | None
    changed: bool


def consolidate(
    found: Sequence[ExtractedPattern], known: Iterable[Known], *, by_members: bool = True
) -> list[Consolidated]:
    """Pair each found pattern with a stored one, by key first, then (unless told otherwise) by shared members.

    The result is in the order of the keys that are stored, the same from run to run whatever key was found.

    A pair never takes a stored pattern twice. Names are made unique among open patterns by a number.
    """
    stored = sorted(known, key=lambda k: k.key)
    by_key = {k.key: k for k in stored}
    pairs: dict[str, Known] = {p.key: by_key[p.key] for p in found if p.key in by_key}
    taken = {k.key for k in pairs.values()}

    showing: dict[Member, list[Known]] = {}
    for candidate in stored:
        if candidate.key not in taken:
            for member in candidate.members:
                showing.setdefault(member, []).append(candidate)
    overlaps = sorted(
        (-overlap, pattern.key, key)
        for pattern in found
        if by_members and pattern.key not in pairs
        for key, overlap in _overlaps(frozenset(pattern.members), showing)
        if overlap >= SAME_OVERLAP
    )
    for _, pattern_key, known_key in overlaps:
        if pattern_key not in pairs and known_key not in taken:
            pairs[pattern_key] = by_key[known_key]
            taken.add(known_key)

    names = {k.name.casefold() for k in stored if k.status in OPEN}
    result: list[Consolidated] = []
    for pattern in sorted(found, key=lambda p: p.key):
        match = pairs.get(pattern.key)
        if match is None:
            pattern = msgspec.structs.replace(pattern, name=free_name(pattern.name, names))  # noqa: PLW2901
            result.append(Consolidated(pattern, None, changed=True))
            continue
        if pattern.name.casefold() != match.name.casefold():
            # A pattern that people know by its name keeps it.
            pattern = msgspec.structs.replace(pattern, name=match.name)  # noqa: PLW2901
        grew = not {(q.external_key, q.revision) for q in pattern.evidence} <= match.members
        worse = match.by_model and pattern.maker == BUILTIN
        result.append(Consolidated(pattern, match, changed=grew and not match.fixed and not worse))
    return sorted(result, key=lambda c: c.known.key if c.known else c.pattern.key)


def _overlaps(members: frozenset[Member], showing: Mapping[Member, Sequence[Known]]) -> Iterator[tuple[str, float]]:
    """The stored patterns that share a member, with the share of the smaller group that both have."""
    shared = Counter(candidate.key for member in members for candidate in showing.get(member, ()))
    sizes = {candidate.key: len(candidate.members) for member in members for candidate in showing.get(member, ())}
    for key, count in shared.items():
        yield key, count / min(len(members), sizes[key])


def free_name(name: str, taken: set[str]) -> str:
    """The name, with a number if it is taken (case-folded); it is taken from then on."""
    free, number = name, 2
    while free.casefold() in taken:
        suffix = f" ({number})"
        free, number = name[: LONGEST_NAME - len(suffix)] + suffix, number + 1
    taken.add(free.casefold())
    return free
