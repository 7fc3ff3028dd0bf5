"""A router with all of its parts in reach."""

from typing import Any
from uuid import uuid4

from in_memory import InMemoryLedger, InMemoryMemory, InMemoryVendor
from parts import CHEAP, DEAR, PROJECT, Note, catalog, local, remote, task

from routing.price import worst_case_nusd
from routing.router import Router
from routing.task import TaskType
from routing.vendors.base import Question, most_input_tokens

DOLLAR = 1_000_000_000
LOCAL, HAIKU, OPUS = local(), remote("haiku", CHEAP), remote("opus", DEAR)
LUNA = remote("luna", CHEAP, vendor="openai")
HARD = task(TaskType.STRATEGIC_ANALYSIS, 0.9, project_id=PROJECT, interaction_id=uuid4(), input_hash="ab" * 32)
GOOD = Note("They retry.")


class House:
    """A ledger with `limits`, three vendors that answer well unless told otherwise, and a router over them."""

    def __init__(self, *models: Any, timeout_s: float = 5, **limits: int) -> None:
        self.memory = InMemoryMemory()
        self.ledger = InMemoryLedger(self.memory, **limits)
        self.vendors = {name: InMemoryVendor(name, GOOD) for name in ("ollama", "anthropic", "openai")}
        self.noticed: list[tuple[str, dict[str, object]]] = []
        self.clock_s = 0.0
        self.router = Router(
            catalog(*(models or (LOCAL, HAIKU, OPUS))),
            self.vendors,
            self.ledger,
            self.memory,
            timeout_s=timeout_s,
            noticed=lambda event, facts: self.noticed.append((event, dict(facts))),
            clock=lambda: self.clock_s,
        )

    @property
    def rows(self) -> list[Any]:
        """The ledger's, oldest first."""
        return list(self.ledger.rows.values())

    def worst(self, model: Any, of: Any = HARD) -> int:
        """What a task may cost with a model."""
        body = self.vendors[model.vendor].body(Question(model.name, of.prompt, 0, 0))
        return worst_case_nusd(most_input_tokens(body), of.prompt.max_output_tokens, model.rates)
