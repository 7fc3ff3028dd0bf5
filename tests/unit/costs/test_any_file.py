"""Whatever a file holds, it is read or refused in one line: never a traceback, never a program that hangs."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.costs.export_file import read_export
from service.costs.policy_file import read_policy
from service.errors import InputInvalid

NUMBERS = [None, True, False, -1, 0, 1, 10**30, 1.5, -0.0, "1e999999999", "1e-999999999", "nan", "-Infinity", "9" * 40]
TIMES = ["2026-11-02", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
ODD = st.sampled_from([*NUMBERS, *TIMES, "", "\N{FULLWIDTH DIGIT ONE}", "\x00", "=1", [], {}, "usd", "USD"])
NAMES = ["usage_date_utc", "model_version", "model", "cost_usd", "usage_output_tokens", "start_time", "input_tokens"]
NAMES += ["output_tokens", "amount_value", "amount_currency", "date", "vendor", "cache_read_tokens", "line_item"]
KEYS = ["uncached_input_tokens", "cache_creation", "amount", "currency", "value", "input_tokens", "input_cached_tokens"]
KEYS += ["model", "output_tokens", "cost_type", "line_item"]
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_or_refused(path: Path, read: Any, data: bytes) -> None:
    path.write_bytes(data)
    said = ""
    try:
        read(path)
    except InputInvalid as error:
        said = str(error)
    assert "\n" not in said


@quick
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    read_or_refused(tmp_path / "file", read_export, data)
    read_or_refused(tmp_path / "file", read_policy, data)


@quick
@given(st.lists(st.sampled_from(NAMES), min_size=2, max_size=8), st.lists(st.lists(ODD, max_size=9), max_size=3))
def test_any_table_is_read_or_refused(tmp_path: Path, columns: list[str], rows: list[list[Any]]) -> None:
    lines = [",".join(columns), *(",".join(str(cell) for cell in row) for row in rows)]
    read_or_refused(tmp_path / "file", read_export, "\n".join(lines).encode())


@quick
@given(
    st.sampled_from(["starting_at", "start_time"]),
    ODD,
    st.dictionaries(st.sampled_from(KEYS), ODD | st.dictionaries(st.sampled_from(KEYS), ODD, max_size=3), max_size=8),
)
def test_any_page_is_read_or_refused(tmp_path: Path, name: str, start: Any, result: dict[str, Any]) -> None:
    page = json.dumps({"data": [{name: start, "results": [result]}]})
    read_or_refused(tmp_path / "file", read_export, page.encode())


@pytest.mark.parametrize("start", ["1e999999999", "1e-999999999", "-1e999999999", "123456789012345678901234567890"])
def test_numbers_of_a_billion_digits_are_not_even_written_out(tmp_path: Path, start: str) -> None:
    results = '[{"input_tokens": 1e999999999, "output_tokens": 1, "amount": "1e-999999999", "currency": "USD"}]'
    for name in ("start_time", "starting_at"):
        page = f'{{"data": [{{"{name}": {start}, "results": {results}}}]}}'
        read_or_refused(tmp_path / "file", read_export, page.encode())
    read_or_refused(tmp_path / "file", read_policy, b"[targets]\nlow = 1e999999999\n[budget]\nday = 1e-999999999\n")
