import numpy as np

from service.extraction.relate import relate


def members(*groups: str) -> list[frozenset[tuple[str, str]]]:
    return [frozenset((m, "1") for m in group) for group in groups]


def test_patterns_alike_in_meaning_are_similar_with_the_cosine_as_strength():
    vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
    # 0-1: .8 >= .7; 1-2: .6 and 0-2: 0 are below.
    [relation] = relate(members("a", "b", "c"), list(vectors))
    assert (relation.source, relation.target, relation.relationship_type) == (0, 1, "similar_to")
    assert relation.strength == 0.8


def test_patterns_shown_by_the_same_changes_co_occur_with_their_share_as_strength():
    # 3 shared of 5 in all: .6
    [relation] = relate(members("1234", "1235"), [None, None])
    assert relation.relationship_type == "co_occurs_with"
    assert relation.strength == 0.6
    assert relation.evidence == {"shared_changes": 3}


def test_two_shared_changes_may_be_chance():
    assert relate(members("123", "124"), [None, None]) == []


def test_nothing_relates_to_nothing():
    assert relate([], []) == []


def test_what_has_no_vector_is_similar_to_nothing():
    alike = np.array([1, 0], np.float32)
    [relation] = relate(members("a", "b", "c", "d"), [None, alike, alike, None])
    assert (relation.source, relation.target) == (1, 2)
