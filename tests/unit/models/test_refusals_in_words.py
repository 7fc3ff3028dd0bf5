"""What a person is told of a budget that refuses: why, and what helps."""

import pytest

from routing.errors import BudgetRefused
from service.models.errors import as_motif_error


@pytest.mark.parametrize(
    ("budget", "limit", "said", "helps"),
    [
        ("total", None, "has no limit", "motif budget set total --day"),
        ("vendor:anthropic", 5, "has not enough left for this day", "or wait"),
    ],
)
def test_a_budget_without_a_limit_is_to_be_set_and_a_spent_one_to_be_raised(
    budget: str, limit: int | None, said: str, helps: str
):
    error = as_motif_error(BudgetRefused(budget, "day", left_nusd=0, limit_nusd=limit))
    assert said in error.message
    assert helps in error.fix
