"""What left this machine and what was kept back, summed up. Pure."""

from collections.abc import Sequence
from datetime import date

import msgspec

from service.storage.egress import SentTo


class EgressSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A range of days (UTC). `commercial`: to models of others; `local_network`: to machines of yours but this one.

    `held_back_tasks`: would have gone to a commercial model, had their source allowed it. `said`: the same in words.
    """

    first: date
    last: date
    commercial_calls: int
    commercial_bytes: int
    local_network_calls: int
    local_network_bytes: int
    redactions: int
    held_back_tasks: int
    nothing_left: bool
    said: str
    sent_to: tuple[SentTo, ...]


def summary_of(first: date, last: date, rows: Sequence[SentTo], held_back: int) -> EgressSummary:
    """The sums of `rows`, and what they come to in one sentence."""
    commercial = [row for row in rows if row.place == "commercial"]
    own = [row for row in rows if row.place == "local"]
    return EgressSummary(
        first=first,
        last=last,
        commercial_calls=sum(row.calls for row in commercial),
        commercial_bytes=sum(row.bytes_out for row in commercial),
        local_network_calls=sum(row.calls for row in own),
        local_network_bytes=sum(row.bytes_out for row in own),
        redactions=sum(row.redactions for row in rows),
        held_back_tasks=held_back,
        nothing_left=not rows,
        said=_said(commercial, own),
        sent_to=tuple(rows),
    )


def _said(commercial: Sequence[SentTo], own: Sequence[SentTo]) -> str:
    if not commercial and not own:
        return "Nothing left this machine."
    if not commercial:
        return "Nothing went to a commercial model; local models on other machines of yours were asked."
    hosts = ", ".join(sorted({row.host for row in commercial}))
    return f"{sum(row.bytes_out for row in commercial):,} bytes went to commercial models at {hosts}."
