from hypothesis import given
from hypothesis import strategies as st

from routing.task import input_hash

parts = st.lists(st.text())


@given(parts, parts)
def test_the_same_parts_alone_have_the_same_hash(one: list[str], other: list[str]):
    assert (input_hash(one) == input_hash(other)) == (one == other)


def test_boundaries_count():
    assert input_hash(["ab", "c"]) != input_hash(["a", "bc"])
    assert input_hash(["ab"]) != input_hash(["ab", ""])
