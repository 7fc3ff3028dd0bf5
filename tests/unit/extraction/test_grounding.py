import pytest
from history_factory import commit
from hypothesis import given
from hypothesis import strategies as st

from service.extraction.grounding import ground
from service.extraction.pattern import Content, ExtractedPattern, Quote

ONE = commit("🧪 Fix flaky test_stop\n\nA fixed sleep raced the worker's startup 作業.", day=1)
TWO = commit("Fix flaky test_start\n\nWait, then wait.", day=2)
KNOWN = {(item.external_key, item.revision): item for item in (ONE, TWO)}


def quote_of(text: str, start: int | None = None, end: int | None = None, source=ONE) -> Quote:
    at = source.text.index(text) if start is None else start
    return Quote(source.external_key, "1", text, at, at + len(text) if end is None else end)


def pattern_with(*evidence: Quote, members=(ONE, TWO)) -> ExtractedPattern:
    return ExtractedPattern(
        key="k", name="Fix flaky tests", pattern_type="testing", description="", content=Content(), tags=(), scope=(),
        confidence=0.5, members=tuple((item.external_key, "1") for item in members), evidence=evidence,
    )  # fmt: skip


def test_quotes_that_stand_are_kept_as_they_are():
    pattern = pattern_with(quote_of("Fix flaky test_stop"), quote_of("worker's startup 作業"))
    assert ground(pattern, KNOWN) == pattern


@pytest.mark.parametrize(
    "altered",
    [
        "Fix flaky test_stOp",  # a letter
        "Fix  flaky test_stop",  # a blank
        "Fix flаky test_stop",  # a Cyrillic letter that looks the same
        "A fixed sleep raced the workers' startup",
        "Fix flaky test_start",  # stands in another source
        "", " ", "—",
    ],
)  # fmt: skip
def test_an_altered_quote_is_rejected_and_a_pattern_without_any_is_dropped(altered: str):
    assert ground(pattern_with(quote_of(altered, start=2)), KNOWN) is None


def test_wrong_offsets_are_mended_where_the_quote_stands_exactly_once():
    grounded = ground(pattern_with(quote_of("Fix flaky test_stop", start=40)), KNOWN)
    assert grounded is not None
    assert grounded.evidence == (quote_of("Fix flaky test_stop"),)


@pytest.mark.parametrize(("text", "start"), [("wait", 0), ("flaky", 0)])
def test_a_quote_too_short_to_be_found_again_is_not_moved(text: str, start: int):
    assert ground(pattern_with(quote_of(text, start=start, source=TWO)), KNOWN) is None


def test_a_quote_that_stands_twice_elsewhere_is_not_moved():
    twice = commit("Sleep no more, sleep no more. Sleep no more!", day=3)
    pattern = pattern_with(quote_of("leep no more", start=3, source=twice), members=(twice,))
    assert ground(pattern, {(twice.external_key, "1"): twice}) is None


def test_negative_and_swapped_offsets_are_no_place():
    found = ground(pattern_with(Quote(TWO.external_key, "1", TWO.text[-16:], -16, len(TWO.text))), KNOWN)
    assert found is not None
    assert found.evidence[0].char_start == len(TWO.text) - 16
    assert ground(pattern_with(Quote(TWO.external_key, "1", "then", 4, 2)), KNOWN) is None


def test_quotes_of_unknown_sources_or_of_others_members_are_rejected():
    stranger = Quote("nobody", "1", "Fix flaky test_stop", 2, 21)
    outsider = quote_of("Fix flaky test_start", source=TWO)
    grounded = ground(pattern_with(quote_of("Fix flaky test_stop"), stranger, outsider, members=(ONE,)), KNOWN)
    assert grounded is not None
    assert grounded.evidence == (quote_of("Fix flaky test_stop"),)
    assert grounded.members == ((ONE.external_key, "1"),)


def test_a_member_that_loses_all_of_its_quotes_is_dropped():
    grounded = ground(pattern_with(quote_of("Fix flaky test_stop"), quote_of("never said", start=0, source=TWO)), KNOWN)
    assert grounded is not None
    assert grounded.members == ((ONE.external_key, "1"),)


def test_a_member_without_quotes_stays_if_it_is_known():
    grounded = ground(pattern_with(quote_of("Fix flaky test_stop")), KNOWN)
    assert grounded is not None
    assert len(grounded.members) == 2


@given(st.text(min_size=1, max_size=30), st.integers(-50, 100), st.integers(-50, 100))
def test_whatever_is_kept_stands_word_for_word(text: str, start: int, end: int):
    grounded = ground(pattern_with(Quote(ONE.external_key, "1", text, start, end)), KNOWN)
    if grounded is not None:
        for quote in grounded.evidence:
            assert ONE.text[quote.char_start : quote.char_end] == quote.quote == text
