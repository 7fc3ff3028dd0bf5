"""What models cost: a kept table of public prices, by exact name only, and a file of one's own that goes before it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from routing.price import Rates
from service.models.prices_file import read_prices_file
from service.settings import Settings

IN_TABLE = frozenset({"anthropic", "openai"})
"""Vendors whose prices are public. What a compatible server or a cloud behind Ollama takes only its user can say."""


class Prices:
    """Rates by vendor and model. Nothing is fetched: the table comes with its package, the file is read once."""

    def __init__(self, own: Mapping[tuple[str, str], Rates] | None = None) -> None:
        self._own = dict(own or {})
        self._known: dict[tuple[str, str, date], Rates | None] = {}

    def rates(self, vendor: str, model: str, *, on: date | None = None) -> Rates | None:
        """What the model costs on a day (UTC; today where none is given), or None where nobody knows.

        None is no zero: a commercial model without rates is never asked.
        """
        if (own := self._own.get((vendor, model))) is not None or vendor not in IN_TABLE:
            return own
        day = on or datetime.now(UTC).date()
        key = (vendor, model, day)
        if key not in self._known:
            # A fifth of a second and 30 MB, which an installation without commercial models does without.
            from service.models.price_table import rates_in_table  # noqa: PLC0415

            if len(self._known) >= 1_000:  # days pass, and names come from whoever answers
                self._known.clear()
            self._known[key] = rates_in_table(vendor, model, day)
        return self._known[key]


def known_prices(settings: Settings) -> Prices:
    """The prices of an installation; raises ConfigurationError where its file of prices cannot be used."""
    return Prices(read_prices_file(settings.prices_file) if settings.prices_file is not None else None)
