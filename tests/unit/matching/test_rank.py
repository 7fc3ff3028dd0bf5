"""Scores: each case with its arithmetic."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.matching.rank import (
    MAX_COUNTED_TERMS,
    MAX_QUERY_TERMS,
    Corpus,
    Record,
    confidence,
    counted,
    rarity,
    relevance,
    saturation,
    weigh,
    words,
)
from service.matching.words import count

# 100 patterns, names of 5 terms and bodies of 40; "lock" in 2 of them, "test" in half.
CORPUS = Corpus(100, 5.0, 40.0, {"lock": 2, "test": 50})


def word_score(query: tuple[str, str], pattern: tuple[str, str], corpus: Corpus = CORPUS) -> float:
    in_name, in_body = count(pattern[0]), count(pattern[1])
    lengths = in_name.total(), in_body.total()
    weights = weigh(count(query[0]), count(query[1]), corpus)
    return words({t: w * saturation(in_name[t], in_body[t], *lengths, corpus) for t, w in weights.items()})


@pytest.mark.parametrize(
    ("in_name", "in_body", "lengths", "expected"),
    [
        (0, 0, (5, 40), 0.0),
        (1, 0, (5, 40), 3 / 4.2),  # w = 3 x 1 / 1
        (0, 1, (5, 40), 1 / 2.2),  # w = 1 / 1
        (1, 1, (5, 40), 4 / 5.2),  # w = 3 + 1
        (0, 1, (5, 80), (1 / 1.75) / (1.2 + 1 / 1.75)),  # twice the mean length: .25 + .75 x 2
        (1, 0, (15, 40), 1.5 / 2.7),  # three times: 3 / (.5 + .5 x 3)
        (0, 30, (5, 40), 30 / 31.2),  # more of the same adds less and less
    ],
)
def test_a_term_weighs_by_where_and_how_often_it_stands(
    in_name: int, in_body: int, lengths: tuple[int, int], expected: float
) -> None:
    assert saturation(in_name, in_body, *lengths, CORPUS) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("lock", math.log(1 + 98.5 / 2.5)),
        ("test", math.log(2)),
        ("unheard", math.log(1 + 100.5 / 0.5)),
    ],
)
def test_a_rare_term_counts_more(term: str, expected: float) -> None:
    assert rarity(term, CORPUS) == pytest.approx(expected)


def test_counts_that_changed_in_between_do_no_harm() -> None:
    assert rarity("lock", Corpus(1, 5.0, 40.0, {"lock": 3})) == pytest.approx(math.log(1 + 0.5 / 1.5))


def test_the_same_text_scores_one() -> None:
    text = ("Lock the migration", "Two of them ran at once, so the lock is taken before the first statement.")
    assert word_score(text, text) == pytest.approx(1.0)


def test_a_query_is_found_in_the_name_before_the_body_and_the_body_before_nothing() -> None:
    query = ("lock migration", "")
    in_name = word_score(query, ("Lock every migration", "It ran twice."))
    in_body = word_score(query, ("Run once", "Take a lock before the migration starts."))
    half = word_score(query, ("Run once", "Take a lock before it starts."))
    assert 1.0 >= in_name > in_body > half > 0.0
    assert word_score(query, ("Bump the version", "For the release.")) == 0.0


def test_words_that_no_pattern_holds_lower_the_score() -> None:
    pattern = ("Take a lock", "")
    assert word_score(("lock chocolate marathon", ""), pattern) < word_score(("lock", ""), pattern) / 2


def test_only_the_heaviest_terms_are_searched_for() -> None:
    common = {f"word{number}": 1 for number in range(60)}
    corpus = Corpus(100, 5.0, 40.0, {**dict.fromkeys(common, 90), "lock": 2})
    weights = weigh({}, {**common, "lock": 1}, corpus)
    assert len(weights) == MAX_QUERY_TERMS
    assert next(iter(weights)) == "lock"


def test_a_huge_query_is_counted_by_the_terms_it_begins_with() -> None:
    head, body = count("lock the table"), count(" ".join(f"word{number}" for number in range(1000)))
    asked = counted(head, body)
    assert asked[:3] == ["lock", "tabl", "word0"]
    assert len(asked) == MAX_COUNTED_TERMS
    assert set(weigh(head, body, CORPUS)) <= set(asked)


def test_equal_weights_are_cut_by_name_so_that_the_answer_is_always_the_same() -> None:
    many = {f"word{number:03}": 1 for number in range(100)}
    assert list(weigh({}, many, CORPUS)) == sorted(many)[:MAX_QUERY_TERMS]


@pytest.mark.parametrize("text", ["", "the of and", "…"])
def test_a_query_without_words_weighs_nothing(text: str) -> None:
    assert weigh(count(text), {}, CORPUS) == {}
    assert words({}) == 0.0


def test_an_empty_project_is_no_division_by_zero() -> None:
    empty = Corpus(0, 0.0, 0.0, {})
    assert sum(weigh({"lock": 1}, {}, empty).values()) > 0
    assert 0 < saturation(1, 1, 1, 1, empty) < 1


@pytest.mark.parametrize(
    ("word_score", "cosine", "expected"),
    [
        (1.0, 1.0, 1.0),
        (0.4, 0.6, 0.5),
        (0.4, -0.2, 0.2),  # opposite is unrelated
        (0.4, 1.0000002, 0.7),  # rounding of float32
        (0.4, None, 0.4),  # no vector: words alone
        (0.0, 0.0, 0.0),
    ],
)
def test_relevance_is_half_words_half_meaning(word_score: float, cosine: float | None, expected: float) -> None:
    assert relevance(word_score, cosine).score == pytest.approx(expected)


@pytest.mark.parametrize(
    ("how_relevant", "pattern", "project", "expected"),
    [
        # Nothing was ever used: .4 x 1 + .3 x .5 + .3 x .5
        (1.0, Record(), Record(), 0.7),
        (0.0, Record(), Record(), 0.3),
        # The project's 95 uses at .8 with 5 neutral ones: .785; the pattern has none of its own, so it stands there.
        (0.5, Record(), Record(95, 0.8), 0.2 + 0.3 * 0.785 + 0.15),
        # Its 5 uses, all successful, weigh as much as the project's mean: (1 + .785) / 2.
        (0.5, Record(5, 1.0), Record(95, 0.8), 0.2 + 0.3 * 0.8925 + 0.15),
        # Recent performance in the same way: project (.6 x 5 + .5 x 5) / 10 = .55, pattern (.9 x 15 + .55 x 5) / 20.
        (0.5, Record(0, None, 15, 0.9), Record(0, None, 5, 0.6), 0.2 + 0.15 + 0.3 * 0.8125),
        (1.0, Record(1e9, 1.0, 1e9, 1.0), Record(1e9, 1.0, 1e9, 1.0), 1.0),
        (0.0, Record(1e9, 0.0, 1e9, 0.0), Record(1e9, 0.0, 1e9, 0.0), 0.0),
    ],
)
def test_confidence_shrinks_thin_records_to_the_project(
    how_relevant: float, pattern: Record, project: Record, expected: float
) -> None:
    assert confidence(how_relevant, pattern, project).score == pytest.approx(expected, abs=1e-6)


unit = st.floats(0, 1)
records = st.builds(Record, st.floats(0, 1e4), st.none() | unit, st.floats(0, 1e4), st.none() | unit)


@given(unit, unit, records, records)
def test_confidence_stays_in_range_and_rises_with_relevance(a: float, b: float, own: Record, project: Record) -> None:
    low, high = (confidence(value, own, project).score for value in sorted((a, b)))
    assert 0 <= low <= high <= 1 + 1e-9


@given(st.text(max_size=60), st.text(max_size=200), st.text(max_size=60), st.text(max_size=200))
def test_word_scores_stay_in_range(name: str, body: str, other_name: str, other_body: str) -> None:
    assert 0 <= word_score((name, body), (other_name, other_body)) <= 1
