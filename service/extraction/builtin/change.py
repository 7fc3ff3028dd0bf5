"""Which interactions are one change: a merge with the commits it brought, or what one author did on one day."""

from collections.abc import Iterable, Sequence
from datetime import UTC

from service.extraction.interaction import Interaction

# A merge that brings more than this joins long-lived branches; its commits are then told apart again.
_LARGEST_CHANGE = 60
# In a history shorter than this a week is too coarse to tell one piece of work from the next.
_YOUNG_DAYS = 90


def change_of(interactions: Sequence[Interaction]) -> list[int]:
    """For each interaction (oldest first) the number of its change; a merge and the commits it brought share one."""
    position = {item.external_key: at for at, item in enumerate(interactions)}
    parents = [[position[key] for key in item.details.parents if key in position] for item in interactions]
    has_child = [False] * len(interactions)
    for row in parents:
        for parent in row:
            has_child[parent] = True
    change = [-1] * len(interactions)
    heads = [at for at in range(len(interactions) - 1, -1, -1) if not has_child[at]]
    lines = [heads[at] for at in range(len(heads) - 1, -1, -1)]  # a stack: the newest head is walked first
    while lines:
        tip: int | None = lines.pop()
        line: list[int] = []
        while tip is not None and change[tip] < 0:
            change[tip] = tip
            line.append(tip)
            tip = parents[tip][0] if parents[tip] else None
        for merge in reversed(line):
            for side in parents[merge][1:]:
                brought = _brought(side, parents, change)
                if len(brought) <= _LARGEST_CHANGE:
                    for at in brought:
                        change[at] = merge
                else:
                    lines.append(side)
    return change


def _brought(side: int, parents: Sequence[Sequence[int]], change: Sequence[int]) -> set[int]:
    """What is reached from `side` and belongs to no change yet."""
    reached: set[int] = set()
    ahead = [side]
    while ahead:
        at = ahead.pop()
        if at in reached or change[at] >= 0:
            continue
        reached.add(at)
        ahead.extend(parents[at])
    return reached


class Sources:
    """Counts independent sources: distinct changes, and not more than the distinct (author, UTC day) pairs."""

    def __init__(self, interactions: Sequence[Interaction], change: Sequence[int]) -> None:
        self._change = list(change)
        self._author_day = [
            (item.author_key or f"change {change[at]}", item.occurred_at.astimezone(UTC).date())
            for at, item in enumerate(interactions)
        ]
        days = [day for _, day in self._author_day]
        self._young = not days or (max(days) - min(days)).days < _YOUNG_DAYS

    def count(self, members: Iterable[int]) -> int:
        """Independent sources among the members (positions)."""
        rows = list(members)
        return min(len({self._change[at] for at in rows}), len({self._author_day[at] for at in rows}))

    def spells(self, members: Iterable[int]) -> int:
        """Distinct weeks among the members (days, in a young history): how often the work came back."""
        days = {self._author_day[at][1] for at in members}
        return len(days) if self._young else len({day.isocalendar()[:2] for day in days})
