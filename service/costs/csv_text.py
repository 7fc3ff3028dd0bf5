"""Reports as CSV, for spreadsheets: which take a cell that begins with = + - or @ for a formula, so none does."""

import csv
import io
from collections.abc import Iterable, Sequence

from service.costs.shapes import CostReport, Line, Sums

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_COLUMNS = (
    "section",
    "key",
    "name",
    "calls",
    "answered",
    "cost_usd",
    "cost_nusd",
    "estimated_nusd",
    "failed_nusd",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as RFC 4180 has it. Texts that a spreadsheet would calculate begin with an apostrophe instead."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return written.getvalue()


def safe(cell: object) -> object:
    """A cell that is no formula; numbers stay numbers."""
    if isinstance(cell, str) and cell.lstrip(" ").startswith(_STARTS_A_FORMULA):
        return f"'{cell}"
    return "" if cell is None else cell


def report_csv(report: CostReport) -> str:
    """Every breakdown, one line after the other; each section sums to `total`."""
    sections = ("day", "vendor", "model", "task_type", "project", "source", "place", "result")
    rows = [_row("total", "", "total", report.total)]
    for section in sections:
        breakdown: tuple[Line, ...] = getattr(report, f"by_{section}")
        rows += [_row(section, line.key or "", line.name, line) for line in breakdown]
    return csv_text(_COLUMNS, rows)


def _row(section: str, key: str, name: str, sums: Sums) -> tuple[object, ...]:
    return (
        section,
        key,
        name,
        sums.calls,
        sums.answered,
        sums.cost.usd,
        sums.cost.nusd,
        sums.estimated.nusd,
        sums.failed.nusd,
        sums.input_tokens,
        sums.cache_read_tokens,
        sums.cache_write_tokens,
        sums.output_tokens,
    )
