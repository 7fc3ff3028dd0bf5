"""What a month will have cost at its end. As simple as it says: the last days go on. Pure."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from math import ceil, sqrt

from service.costs.money import money
from service.costs.shapes import Forecast
from service.storage.costs import DayRow

LOOK_BACK_DAYS = 7
# Student's t for 95 % by degrees of freedom 1 to 6: few days say little, and the range is to show that.
_T95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45)


def forecast_of(today: date, begins: date | None, days: Sequence[DayRow]) -> Forecast | None:
    """To the end of `today`'s month; None before the ledger has two whole days to go by.

    `days`: every day with a cost from the month's first, and from a week ago; a day without one cost nothing.
    """
    if begins is None:
        return None
    costs = {row.day: row.cost_nusd for row in days}
    seen = [today - timedelta(days=n) for n in range(1, LOOK_BACK_DAYS + 1) if today - timedelta(days=n) >= begins]
    if len(seen) < 2:
        return None
    values = [costs.get(day, 0) for day in seen]
    mean = sum(values) / len(values)
    spread = sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    so_far = sum(cost for day, cost in costs.items() if (day.year, day.month) == (today.year, today.month))
    spent_today = costs.get(today, 0)
    days_left = monthrange(today.year, today.month)[1] - today.day
    # What is left of today counts too: it is taken to become a day like the others, unless it is dearer already.
    to_come = mean * days_left + max(mean - spent_today, 0)
    ahead = days_left + 1
    # Of a sum of days that vary, and of a mean that is itself known from a few days only.
    margin = _T95[len(values) - 2] * spread * sqrt(ahead + ahead**2 / len(values))
    return Forecast(
        month=today.strftime("%Y-%m"),
        so_far=money(so_far),
        days_seen=len(values),
        days_left=days_left,
        mean_day=money(round(mean)),
        expected=money(so_far + round(to_come)),
        low=money(so_far + max(round(to_come - margin), 0)),
        high=money(so_far + ceil(to_come + margin)),
        assumption=f"The {len(values)} whole days before today go on: their mean for each day left and for what is "
        "missing of today. The range holds 19 times in 20 if days are alike and independent, which a release or a "
        "holiday is not.",
    )
