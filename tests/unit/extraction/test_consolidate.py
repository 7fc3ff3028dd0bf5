from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.extraction.consolidate import Known, consolidate, free_name
from service.extraction.pattern import Content, ExtractedPattern, Quote


def found(key: str, members: str, name: str = "") -> ExtractedPattern:
    return ExtractedPattern(
        key=key,
        name=name or f"name of {key}",
        pattern_type="testing",
        description="",
        content=Content(),
        tags=(),
        scope=(),
        confidence=0.5,
        members=tuple((m, "1") for m in members),
        evidence=tuple(Quote(m, "1", "said", 0, 4) for m in members),
    )


def known(key: str, members: str, name: str = "", **more: Any) -> Known:
    return Known(f"id-{key}", key, name or f"name of {key}", 1, frozenset((m, "1") for m in members), **more)


def test_a_pattern_with_no_stored_like_is_new():
    [result] = consolidate([found("a", "123")], [known("z", "789")])
    assert result.known is None
    assert result.changed


def test_the_same_key_and_members_change_nothing():
    [result] = consolidate([found("a", "123")], [known("a", "123")])
    assert result.known is not None
    assert not result.changed


def test_new_evidence_makes_a_better_version_that_keeps_the_known_name():
    [result] = consolidate([found("a", "1234", "another name")], [known("a", "123", "the known name")])
    assert result.changed
    assert result.pattern.name == "the known name"


def test_another_key_over_mostly_the_same_changes_is_the_same_recurrence():
    # 3 of the smaller group's 4 members are shared: .75 >= .6
    [result] = consolidate([found("b", "12345678")], [known("a", "123x")])
    assert result.known is not None
    assert result.known.key == "a"


def test_a_small_overlap_is_no_reason_to_merge():
    # 1 of 3: .33 < .6
    [result] = consolidate([found("b", "178")], [known("a", "123")])
    assert result.known is None


def test_a_stored_pattern_is_taken_once_by_the_larger_overlap():
    # b shares 3 of 3, c shares 2 of 3: b takes a, c is new.
    results = consolidate([found("c", "12z"), found("b", "123")], [known("a", "123")])
    assert {r.pattern.key: r.known.key if r.known else None for r in results} == {"b": "a", "c": None}


def test_what_a_person_wrote_gets_evidence_but_no_new_version():
    [result] = consolidate([found("a", "1234")], [known("a", "123", fixed=True)])
    assert result.known is not None
    assert not result.changed


def test_a_name_that_an_open_pattern_has_gets_a_number():
    [result] = consolidate([found("b", "789", "Same Name")], [known("a", "123", "same name")])
    assert result.pattern.name == "Same Name (2)"


def test_the_name_of_an_archived_pattern_is_free():
    [result] = consolidate([found("b", "789", "Same Name")], [known("a", "123", "same name", status="archived")])
    assert result.pattern.name == "Same Name"


@given(st.permutations(range(4)), st.permutations(range(3)))
def test_the_order_of_arrival_does_not_matter(found_order: list[int], known_order: list[int]):
    patterns = [found("a", "123"), found("b", "12345"), found("c", "789"), found("d", "78", "name of a")]
    stored = [known("x", "1234"), known("y", "789"), known("z", "zz")]
    expected = consolidate(patterns, stored)
    assert consolidate([patterns[i] for i in found_order], [stored[i] for i in known_order]) == expected


def test_free_names_are_taken_from_then_on():
    taken = {"a"}
    assert [free_name("A", taken), free_name("A", taken), free_name("b", taken)] == ["A (2)", "A (3)", "b"]


def test_a_number_never_makes_a_name_longer_than_the_database_takes():
    taken: set[str] = set()
    assert [len(free_name("n" * 300, taken)) for _ in range(11)] == [300] * 11


def test_the_result_is_in_the_order_of_what_is_stored_whatever_key_was_found():
    stored = [known("b", "123"), known("c", "789")]
    results = consolidate([found("z", "1234"), found("a", "7890")], stored)
    assert [r.known.key for r in results if r.known] == ["b", "c"]
