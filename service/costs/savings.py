"""What the same work would have cost by one stated model alone. Pure; every assumption stands in the answer."""

from collections.abc import Sequence
from decimal import Decimal

from routing.price import MILLION, Rates
from service.costs.money import money
from service.costs.report import compute_nusd
from service.costs.shapes import Savings
from service.storage.costs import ValidatedRow

ASSUMPTION = (
    "Counts only tasks whose answer stood, at the baseline's price for the very tokens that were read and written, "
    "cached ones as cached, and every one of its answers as if it had stood at the first attempt. Subtracted is all "
    "that was paid, failed attempts included, and the time of local models at your price an hour. Embeddings and the "
    "questions of `motif models doctor --ask` are left out on both sides. Another model would count and write other "
    "numbers of tokens."
)


def savings_of(baseline: str, rates: Rates, rows: Sequence[ValidatedRow], usd_per_hour: Decimal) -> Savings:
    """Against a baseline. `rows` are by the tiers of `rates`; each tier's sum is rounded up."""
    would = sum(_at(rates, row) for row in rows)
    paid = sum(row.cost_nusd for row in rows)
    local = compute_nusd(sum(row.local_ms for row in rows), usd_per_hour)
    return Savings(
        baseline=baseline,
        price_version=rates.version,
        tasks=sum(row.tasks for row in rows),
        would_have_cost=money(would),
        paid=money(paid),
        paid_for_failures=money(sum(row.failed_nusd for row in rows)),
        local_compute=money(local),
        saved=money(would - paid - local),
        assumption=ASSUMPTION,
    )


def dearest(offered: Sequence[tuple[str, Rates]]) -> tuple[str, Rates] | None:
    """The dearest model for a usual task, ten tokens read for one written; of equal ones the first by name."""
    ranked = sorted(offered, key=lambda one: (-(10 * one[1].tiers[0].input + one[1].tiers[0].output), one[0]))
    return ranked[0] if ranked else None


def _at(rates: Rates, row: ValidatedRow) -> int:
    tier = rates.tiers[row.tier - 1]
    plain = max(row.input_tokens - row.cache_read_tokens - row.cache_write_tokens, 0)
    millionths = (
        plain * tier.input
        + row.cache_read_tokens * tier.cache_read
        + row.cache_write_tokens * tier.cache_write
        + row.output_tokens * tier.output
    )
    return -(-millionths // MILLION)
