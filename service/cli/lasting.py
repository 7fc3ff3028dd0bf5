"""How long something lasts, as people write it: 30m, 12h, 90d."""

import re
from datetime import timedelta

import typer

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LONGEST = timedelta(days=3650)


def lasting(text: str) -> timedelta:
    """The time that `90d` stands for, from a second to ten years; an error of usage for anything else."""
    found = re.fullmatch(r"([1-9]\d{0,8})([smhd])", text.strip().lower())
    if found is None or (time := timedelta(**{_UNITS[found[2]]: int(found[1])})) > LONGEST:
        raise typer.BadParameter(f"{text!r}: write 30m, 12h or 90d, at most 3650d.")
    return time
