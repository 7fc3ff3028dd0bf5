"""The head of a query: its first line, or the beginning of a long one."""

import pytest

from service.matching.gist import MAX_HEAD_CHARS, split


@pytest.mark.parametrize(
    ("text", "head", "body"),
    [
        ("", "", ""),
        ("add a retry", "add a retry", ""),
        ("\n\n Add a retry \n\nThe webhook fails.\nOften.\n", "Add a retry", "The webhook fails.\nOften."),
        ("Add a retry\r\nOften", "Add a retry", "Often"),
    ],
)
def test_the_first_line_is_the_head(text: str, head: str, body: str) -> None:
    assert split(text) == (head, body)


def test_a_long_first_line_is_cut_at_a_word() -> None:
    head, body = split("word " * 100 + "\nsecond line")
    assert head == " ".join(["word"] * 40)
    assert len(head) <= MAX_HEAD_CHARS
    assert f"{head} {body}".split() == ["word"] * 100 + ["second", "line"]


def test_a_long_line_without_spaces_is_cut_anyway() -> None:
    assert split("x" * 500) == ("x" * MAX_HEAD_CHARS, "x" * (500 - MAX_HEAD_CHARS))
