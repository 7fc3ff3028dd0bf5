"""The cache of queries: bounded in number and age, and nobody's who sees other projects."""

from uuid import UUID

import numpy as np

from service.matching.query_cache import Asked, QueryCache, asked

OURS, THEIRS = UUID(int=1), UUID(int=2)
VECTOR = np.ones(3, dtype=np.float32)


def question(text: str = "retry", *projects: UUID) -> Asked:
    return asked(projects or (OURS,), "model", text, "")


def test_a_question_is_known_to_those_who_see_the_same_projects():
    cache = QueryCache()
    cache.put(question("retry", OURS, THEIRS), VECTOR)
    assert cache.get(question("retry", THEIRS, OURS)) is VECTOR
    assert cache.get(question("retry", OURS)) is None
    assert cache.get(question("retry", THEIRS)) is None


def test_another_model_or_text_is_another_question():
    cache = QueryCache()
    cache.put(asked([OURS], "model", "ab", "c"), VECTOR)
    assert cache.get(asked([OURS], "other", "ab", "c")) is None
    assert cache.get(asked([OURS], "model", "a", "bc")) is None
    assert cache.get(asked([OURS], "model", "\ud800", "")) is None


def test_what_is_too_old_is_gone():
    now = [0.0]
    cache = QueryCache(age_s=10, clock=lambda: now[0])
    cache.put(question(), VECTOR)
    now[0] = 10
    assert cache.get(question()) is VECTOR
    now[0] = 10.1
    assert cache.get(question()) is None
    assert len(cache) == 0


def test_over_the_bound_the_longest_unused_goes():
    cache = QueryCache(entries=2)
    for text in ("first", "second"):
        cache.put(question(text), VECTOR)
    assert cache.get(question("first")) is VECTOR
    cache.put(question("third"), VECTOR)
    assert cache.get(question("second")) is None
    assert cache.get(question("first")) is VECTOR
    assert len(cache) == 2


def test_forgetting_a_project_drops_what_was_asked_of_it_alone_or_among_others():
    cache = QueryCache()
    cache.put(question("one", OURS), VECTOR)
    cache.put(question("two", OURS, THEIRS), VECTOR)
    cache.put(question("three", THEIRS), VECTOR)
    assert cache.forget(OURS) == 2
    assert cache.get(question("three", THEIRS)) is VECTOR
    assert cache.forget(OURS) == 0
