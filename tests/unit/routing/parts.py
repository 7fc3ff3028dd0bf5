"""Models, tasks and a moment to decide at, with as little said as a case needs."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from routing.catalog import Catalog, Model, Place
from routing.policy import Decision, Verdict
from routing.price import FREE, Rates, Tier
from routing.task import Complexity, Importance, Prompt, Task, TaskType

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROJECT = UUID("00000000-0000-4000-8000-00000000000a")


class Note(msgspec.Struct, frozen=True):
    """What the models of these tests are asked for."""

    text: str


def rates(input_usd: float, output_usd: float) -> Rates:
    """Dollars a million tokens."""
    tier = Tier(round(input_usd * 1e9), round(output_usd * 1e9), round(input_usd * 1e8), round(input_usd * 1.25e9))
    return Rates((tier,), "test")


CHEAP, MIDDLE, DEAR = rates(0.1, 0.5), rates(2, 10), rates(4, 20)


def local(name: str = "small", *, context: int = 8_192, capability: float | None = None, **more: object) -> Model:
    """A model on a machine of our own."""
    known = {} if capability is None else dict.fromkeys(TaskType, capability)
    return Model("ollama", name, Place.LOCAL, "127.0.0.1", context, 2_048, FREE, capability=known, **more)  # type: ignore[arg-type]


def remote(
    name: str,
    price: Rates | None = MIDDLE,
    *,
    vendor: str = "anthropic",
    context: int = 200_000,
    capability: float | None = None,
    **more: object,
) -> Model:
    """A model that somebody charges for."""
    known = {} if capability is None else dict.fromkeys(TaskType, capability)
    host = f"api.{vendor}.example"
    return Model(vendor, name, Place.COMMERCIAL, host, context, 8_192, price, capability=known, **more)  # type: ignore[arg-type]


def task(
    type_: TaskType = TaskType.PATTERN_EXTRACTION,
    complexity: float = 0.5,
    *,
    importance: Importance = Importance.NORMAL,
    vendors: frozenset[str] | None = None,
    max_output: int = 1_000,
    text: str = "What do these changes have in common?",
    **more: object,
) -> Task:
    """A task; any commercial vendor may see it unless `vendors` says which."""
    prompt = Prompt("note", "Answer in JSON.", text, Note, max_output)
    return Task(type_, prompt, Complexity(complexity, {}, "test"), importance, vendors, **more)  # type: ignore[arg-type]


def catalog(*models: Model) -> Catalog:
    """A catalog of these."""
    return Catalog(models)


def verdicts(decision: Decision) -> dict[str, Verdict]:
    """What became of each model, by name."""
    return {one.model.split("/", 1)[1]: one.verdict for one in decision.considered}
