"""The models there are: where they run, what they can take, what they cost. Pure; the service fills it."""

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from routing.price import Rates
from routing.task import TaskType


class Place(StrEnum):
    """Local: on an address that the operator listed as theirs, by a model that really runs there. All else costs."""

    LOCAL = "local"
    COMMERCIAL = "commercial"


class Model(msgspec.Struct, frozen=True):
    """One model. `vendor` is the adapter it is asked through: ollama, anthropic, openai or compatible.

    `rates` None: nobody knows what it costs, so a commercial one is never asked. `task_types` None: it takes any.
    `capability`: expected success by task type, before anything was learned; DESIGN's numbers where it says nothing.
    `cloud`: an Ollama that hands it on to somebody else, which makes it commercial.
    """

    vendor: str
    name: str
    place: Place
    host: str
    context_tokens: int
    max_output_tokens: int
    rates: Rates | None
    task_types: frozenset[TaskType] | None = None
    capability: Mapping[TaskType, float] = {}
    cloud: bool = False

    @property
    def ref(self) -> str:
        """How it is written everywhere: vendor/name."""
        return f"{self.vendor}/{self.name}"


class Catalog(msgspec.Struct, frozen=True):
    """Every model that may be asked. Order says nothing; `policy.decide` alone chooses."""

    models: tuple[Model, ...] = ()

    def find(self, ref: str) -> Model | None:
        """The model written so, or None."""
        return next((model for model in self.models if model.ref == ref), None)

    def rates_of(self, asked: Model, answered: str | None) -> Rates | None:
        """What the model that answered costs; None where nobody knows.

        A vendor answers in the name of the very version it ran (`name-20261001`, `name-2026-10-01`): that is the one
        asked for. Another name is another model, if it is in the catalog.
        """
        if answered is None or answered == asked.name:
            return asked.rates
        other = self.find(f"{asked.vendor}/{answered}")
        if other is not None:
            return other.rates
        return asked.rates if _A_VERSION.sub("", answered) == asked.name else None


_A_VERSION = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")
