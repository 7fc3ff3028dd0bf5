"""docs/costs.md names every result that a call can have."""

import re
from collections.abc import Iterator
from pathlib import Path

from routing.errors import VendorError
from service.cli.models_shown import STATES

TEXT = (Path(__file__).parents[3] / "docs/costs.md").read_text("utf-8")
NO_ERRORS = {"ok", "cancelled", "lost", "check-failed"}


def kinds(of: type[VendorError]) -> Iterator[type[VendorError]]:
    """An error and all that are of its kind."""
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


def test_every_result_of_a_call_stands_there_once() -> None:
    rows = TEXT[TEXT.index("| result | the call |") :].partition("\n\n")[0]
    told = re.findall(r"^\| `([a-z-]+)` \|", rows, re.MULTILINE)
    assert sorted(told) == sorted({kind.code for kind in kinds(VendorError)} | NO_ERRORS)


def test_every_trouble_of_a_vendor_has_words_in_the_list_of_models() -> None:
    of_answers = {"answer-invalid", "answer-truncated", "answer-refused", "answer-ungrounded", "prompt-truncated"}
    assert set(STATES) == {kind.code for kind in kinds(VendorError)} - of_answers
