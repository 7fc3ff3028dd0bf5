"""Turns: few at once, one for each, and none that is lost with whoever had it."""

import pytest

from service.api.turns import Turns
from service.errors import RateLimited


def test_one_after_the_other_for_the_same_and_at_once_for_others():
    turns = Turns(2)
    first = turns.take("a")
    with pytest.raises(RateLimited, match="same caller"):
        turns.take("a")
    second = turns.take("b")
    first.end()
    assert not turns.take("a").over
    assert not second.over


def test_no_more_at_once_than_there_may_be():
    turns = Turns(2)
    taken = [turns.take("a"), turns.take("b")]
    with pytest.raises(RateLimited, match="2 exports") as caught:
        turns.take("c")
    assert caught.value.retry_after_s > 0
    taken[0].end()
    turns.take("c")


def test_a_turn_that_nobody_holds_any_more_is_over():
    turns = Turns(1)
    turn = turns.take("a")
    del turn
    turns.take("b")
