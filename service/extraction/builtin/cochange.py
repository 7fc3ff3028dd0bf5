"""What changes together: files and folders that are touched in one change far more often than chance would have it."""

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from service.extraction.builtin.reading import History

# At least this many independent changes, and this share of the rarer side's changes, touch both.
_FEWEST, _SHARE = 5, 0.4
# Chance, over all pairs that were tried, of so many meetings if both sides were changed independently.
_CHANCE = 1e-3
_MOST_ITEMS = 1_500
# A change of more paths than this tells little about any two of them.
_WIDE = 15
_EVERYWHERE = re.compile(
    r"(^|/)(poetry\.lock|uv\.lock|[\w.-]*\.lock|package-lock\.json|pnpm-lock\.yaml|go\.sum|__init__\.py|index\.[jt]sx?)$"
)
_TEST = re.compile(
    r"(^|/)(tests?|spec|specs|__tests__|testing)(/|$)|(^|/)test_|_test\.|\.(?:test|spec)\.|conftest", re.IGNORECASE
)


class CoChange(msgspec.Struct, frozen=True):
    """Two sides that change together. `one`, `other`: a path, or a folder ending in `/`.

    `members`: positions that touch both, oldest first; `rarer`: the side that changes less often; `touching`: how
    many changes touch it at all.
    """

    one: str
    other: str
    members: tuple[int, ...]
    sources: int
    rarer: str
    touching: int
    strength: float


def cochanges(history: History, *, most: int, largest: int) -> list[CoChange]:
    """The firmest pairs, no path in two of them, at most `most`; none larger than `largest` sources."""
    touched = _touched(history)
    by_item: dict[str, set[int]] = defaultdict(set)
    for at, items in enumerate(touched):
        for item in items:
            by_item[item].add(at)
    common = sorted(
        (item for item, rows in by_item.items() if len(rows) >= _FEWEST), key=lambda i: (-len(by_item[i]), i)
    )
    kept = set(common[:_MOST_ITEMS])
    met: dict[tuple[str, str], int] = defaultdict(int)
    for items in touched:
        present = sorted(item for item in items if item in kept)
        for at, one in enumerate(present):
            for other in present[at + 1 :]:
                met[one, other] += 1
    total = sum(bool(items) for items in touched)
    recent = len(history.reads) // 2
    found: list[CoChange] = []
    tried = [(sides, times) for sides, times in met.items() if times >= _FEWEST]
    for (one, other), times in tried:
        if _one_inside(one, other) or _with_tests(one, other):
            continue
        fewer, more = sorted((len(by_item[one]), len(by_item[other])))
        if times < _SHARE * fewer or chance(times, fewer, more, total) * len(tried) > _CHANCE:
            continue
        members = tuple(sorted(by_item[one] & by_item[other]))
        sources = history.sources.count(members)
        rarer = min((one, other), key=lambda side: (len(by_item[side]), side))
        if sources < _FEWEST or sources > largest or members[-1] < recent:
            continue
        strength = times / math.sqrt(fewer * more) * math.log2(1 + sources)
        found.append(CoChange(one, other, members, sources, rarer, fewer, round(strength, 5)))
    return _apart(found, most)


def chance(times: int, fewer: int, more: int, total: int) -> float:
    """Hypergeometric tail: meeting at least `times` times by chance."""
    import scipy.stats  # noqa: PLC0415

    stats: Any = scipy.stats
    return float(stats.hypergeom.sf(times - 1, total, fewer, more))


def _touched(history: History) -> list[set[str]]:
    """Paths of each change, and the folders that hold several versions of one thing (migrations, fragments)."""
    found: list[set[str]] = []
    for item in history.reads:
        paths = [path for path in item.paths if not _EVERYWHERE.search(path)]
        if not paths or len(item.paths) > _WIDE:
            found.append(set())
            continue
        folders = {path.rpartition("/")[0] + "/" for path in paths if path.count("/") >= 1}
        found.append(set(paths) | folders)
    return found


def _one_inside(one: str, other: str) -> bool:
    return (one.endswith("/") and other.startswith(one)) or (other.endswith("/") and one.startswith(other))


def _with_tests(one: str, other: str) -> bool:
    """A test changes with what it tests, and tests with each other: true, and no news."""
    return bool(_TEST.search(one) or _TEST.search(other))


def _apart(found: Sequence[CoChange], most: int) -> list[CoChange]:
    """Firmest first; a side that was told already is not told again, nor is the same set of changes."""
    chosen: list[CoChange] = []
    sides: set[str] = set()
    for pair in sorted(found, key=lambda p: (-p.strength, p.one, p.other)):
        if len(chosen) == most:
            break
        members = set(pair.members)
        again = any(len(members & set(known.members)) > 0.5 * min(len(members), len(known.members)) for known in chosen)
        if again or _told(pair.one, sides) or _told(pair.other, sides):
            continue
        chosen.append(pair)
        sides.update((pair.one, pair.other))
    return chosen


def _told(side: str, sides: set[str]) -> bool:
    return side in sides or any(_one_inside(side, known) for known in sides)


def shown(one: str, other: str) -> tuple[str, str]:
    """Both sides as short as they stay distinct: the last one or two parts of each path."""
    short = [_last(path, 1) for path in (one, other)]
    return (_last(one, 2), _last(other, 2)) if short[0] == short[1] else (short[0], short[1])


def _last(path: str, count: int) -> str:
    pieces = path.rstrip("/").split("/")[-count:]
    # A folder or a bare `index`-like name needs the part before it to be recognised.
    if len(pieces[-1]) < 6 and count == 1 and "/" in path.rstrip("/"):
        pieces = path.rstrip("/").split("/")[-2:]
    return "/".join(pieces) + ("/" if path.endswith("/") else "")
