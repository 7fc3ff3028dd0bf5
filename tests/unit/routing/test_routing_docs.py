"""docs/routing.md says what the code does: its tables are the code's."""

import re
from pathlib import Path

import pytest

from routing import errors
from routing.circuit import LONGEST_REST_S, Failure, rest_after
from routing.outcome import COMMERCIAL_SUCCESS, HALF_LIFE_S, LOCAL_SUCCESS, PRIOR_MASS
from routing.policy import REASONS, RULES, VERDICTS
from routing.task import Importance, TaskType

TEXT = (Path(__file__).parents[3] / "docs/routing.md").read_text("utf-8")


def table(heading: str) -> list[list[str]]:
    """The rows of the first table after a text, cell by cell, without its head."""
    lines = TEXT[TEXT.index(heading) :].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|---"))
    rows: list[list[str]] = []
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return rows


def test_every_reason_and_verdict_stands_there_in_its_own_words():
    assert table("## Reasons") == [[reason.value, text] for reason, text in REASONS.items()]
    assert table("## Verdicts") == [[verdict.value, text] for verdict, text in VERDICTS.items()]


def test_thresholds_targets_and_starting_numbers_stand_there():
    assert {row[0]: tuple(map(float, row[1:])) for row in table("| type of task |")} == {
        type_.value: (RULES.thresholds[type_], LOCAL_SUCCESS[type_], COMMERCIAL_SUCCESS) for type_ in TaskType
    }
    assert {row[0]: float(row[1]) for row in table("| importance |")} == {
        one.value: RULES.targets[one] for one in Importance
    }
    assert f"**{PRIOR_MASS:g} outcomes**" in TEXT
    assert f"**{HALF_LIFE_S / 86_400:g} days**" in TEXT
    assert f"one task in {RULES.explore_one_in} " in TEXT


IN_SECONDS = {"s": 1, "minutes": 60, "hour": 3_600}


@pytest.mark.parametrize(("code", "how_long", "whom"), table("## Cool-downs"))
def test_cool_downs_are_as_long_as_they_stand_there(code: str, how_long: str, whom: str):
    error = (
        next(kind for kind in errors.VendorError.__subclasses__() if kind.code == code and "code" in vars(kind))
        if (code != errors.VendorError.code)
        else errors.VendorFailed
    )
    lengths = [int(number) * IN_SECONDS[unit] for number, unit in re.findall(r"(\d+) (s|minutes|hour)\b", how_long)]
    lengths = [length for length in lengths if not (length in (1, 3_600) and "as the vendor says" in how_long)]
    before = 2 if "third in a row" in how_long else 0
    first = rest_after([Failure("m", code, 0)] * before, error(), model="m", now_s=1)
    last = rest_after([Failure("m", code, 0)] * 60, error(), model="m", now_s=1)
    assert first is not None
    assert last is not None
    assert [first.seconds, last.seconds] == [lengths[0], lengths[-1]]
    assert first.whole_vendor == (whom == "the whole vendor")
    assert last.seconds <= LONGEST_REST_S


def test_every_error_that_rests_anybody_stands_there():
    resting = {
        kind.code
        for kind in errors.VendorError.__subclasses__()
        if rest_after([Failure("m", kind.code, 0)] * 9, kind(), model="m", now_s=1)
    }
    assert {row[0] for row in table("## Cool-downs")} == resting
