"""Permissions put together: what all of several sources allow."""

import pytest

from service.storage.permission import NOBODY, Vendors, allows, strictest

ONE, BOTH = frozenset({"openai"}), frozenset({"openai", "anthropic"})


@pytest.mark.parametrize(
    ("permissions", "allowed"),
    [
        ([], None),
        ([None], None),
        ([None, ONE], ONE),
        ([BOTH, ONE], ONE),
        ([ONE, frozenset({"anthropic"})], NOBODY),
        ([None, NOBODY, BOTH], NOBODY),
    ],
)
def test_the_strictest_of_several_is_what_all_of_them_allow(permissions: list[Vendors], allowed: Vendors):
    assert strictest(permissions) == allowed
    assert strictest(reversed(permissions)) == allowed


def test_none_is_any_and_empty_is_none():
    assert allows(None, "openai")
    assert allows(ONE, "openai")
    assert not allows(ONE, "anthropic")
    assert not allows(NOBODY, "openai")
