"""Has a task done: decide, reserve, send, check, settle; or the next candidate, reserving anew."""

import hashlib
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from routing.attempt import Ask, Attempt, Attempts, Noticed
from routing.budget import Call, Ledger
from routing.call_failed import CallFailed
from routing.candidates import LEDGER, most_output_tokens
from routing.catalog import Catalog, Model, Place
from routing.errors import BadAnswer, BudgetError, BudgetRefused, CatalogInvalid, VendorError
from routing.failures import Failures
from routing.kept import kept
from routing.outcome import Memory
from routing.policy import Decision, decide, decide_embedding
from routing.price import worst_case_nusd
from routing.rules import RULES, Rules
from routing.task import Task, band_of
from routing.vendors.base import Answer, Question, Vectors, Vendor, most_input_tokens


class Routed(msgspec.Struct, frozen=True):
    """A task that was done. `value`: the answer, or what the check made of it; `model`: who gave it (vendor/name).

    `cost_nusd`: of all attempts together.
    """

    value: Any
    model: str
    place: Place
    decision: Decision
    attempts: tuple[Attempt, ...]
    cost_nusd: int


def _unheard(_event: str, _facts: Mapping[str, object]) -> None:
    return


class Router:
    """Has tasks done, any number at once."""

    def __init__(
        self,
        catalog: Catalog,
        vendors: Mapping[str, Vendor],
        ledger: Ledger,
        memory: Memory,
        *,
        timeout_s: float,
        rules: Rules = RULES,
        noticed: Noticed = _unheard,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`timeout_s`: longest wait for one answer. `noticed` hears of what should not happen, by name, ids only.

        `now` is compared with when cool-downs end; `clock` never jumps and tells failures in a row.
        """
        self._vendors = vendors
        self._memory = memory
        self._timeout_s = timeout_s
        self._rules = rules
        self._now = now
        self._attempts = Attempts(ledger, catalog, noticed)
        self._failures = Failures(clock)
        self.catalog = catalog
        self.use(catalog)

    def use(self, catalog: Catalog) -> None:
        """Choose from these models from now on; calls under way end as they began. Raises CatalogInvalid."""
        if missing := {model.vendor for model in catalog.models} - set(self._vendors):
            raise CatalogInvalid(f"The catalog has models of {', '.join(sorted(missing))}, and nothing asks them.")
        self.catalog = catalog
        self._attempts.catalog = catalog

    async def run(
        self,
        task: Task,
        check: Callable[[Any], Any] | None = None,
        *,
        allowed: Callable[[], Awaitable[Collection[str] | None]] | None = None,
    ) -> Routed:
        """Have it done by the model that is chosen, or by the next one where that fails.

        `check` gets the answer, may raise AnswerInvalid or AnswerUngrounded, and what it returns is the value.
        `allowed` says, before each choice, which vendors may see it by now (Task.vendors where there is none): the call
        before may have taken minutes. Raises CallFailed when nobody that may be asked is left.
        """
        most = self._most_input_tokens(task)
        failed: dict[str, str] = {}
        refused: dict[str, int] = {}
        attempts: list[Attempt] = []
        while True:
            experience = await self._memory.recall()
            if allowed is not None:
                vendors = await allowed()
                task = msgspec.structs.replace(task, vendors=None if vendors is None else frozenset(vendors))
            decision = self._decide(task, most, experience, failed, refused)
            model = decision.model
            if model is None:
                raise CallFailed(tuple(attempts), decision)
            try:
                made = await self._attempts.make(self._ask(task, model, decision, attempts, check))
            except BudgetError as error:
                _refuse(error, model, refused, failed)
                continue
            attempts.append(made.attempt)
            await self._learn_of(model, made.error)
            if made.error is None:
                spent = sum(attempt.cost_nusd for attempt in attempts)
                return Routed(made.value, model.ref, model.place, decision, tuple(attempts), spent)
            failed[model.ref] = made.error.code

    async def decide(self, task: Task, *, refused: Collection[str] = ()) -> Decision:
        """What would be decided now, were every budget but those `refused` to grant it.

        Nothing is reserved, nobody is asked.
        """
        return self._decide(task, self._most_input_tokens(task), await self._memory.recall(), {}, refused)

    async def embed(
        self,
        model_ref: str,
        texts: Sequence[str],
        *,
        vendors: Collection[str] | None,
        project_id: UUID | None = None,
        source_id: UUID | None = None,
        redactions: int = 0,
        timeout_s: float | None = None,
    ) -> Vectors:
        """Vectors of texts by this very model, under the same rules, budgets and ledger as any other call.

        `vendors`: commercial ones that may see the texts, None for any. `timeout_s`: less than the usual wait, where
        somebody waits for it. Raises CallFailed where the model may not be asked now, the VendorError that it failed
        with, BudgetRefused or LedgerUnavailable.
        """
        model = self.catalog.find(model_ref)
        if model is None:
            raise CatalogInvalid(f"There is no model {model_ref} that texts can be embedded with.")
        body = msgspec.json.encode([model.name, texts])
        decision = decide_embedding(
            model,
            vendors,
            await self._memory.recall(),
            now=self._now(),
            most_input_tokens=most_input_tokens(body),
        )
        if decision.model is None:
            raise CallFailed((), decision)
        call = Call(
            task_type="embedding",
            reason=decision.reason.value,
            vendor=model.vendor,
            model_asked=model.name,
            place=model.place,
            host=self._vendors[model.vendor].host,
            price_version=model.rates.version if model.rates else None,
            bytes_out=len(body),
            redactions=redactions,
            request_hash=hashlib.sha256(body).hexdigest(),
            project_id=project_id,
            source_id=source_id,
        )
        vendor = self._vendors[model.vendor]
        wait_s = min(timeout_s or self._timeout_s, self._timeout_s)
        made = await self._attempts.make(
            Ask[Vectors](
                call=call,
                model=model,
                worst_case_nusd=decision.considered[0].worst_case_nusd or 0,
                ask=lambda: vendor.embed(model.name, texts, timeout_s=wait_s),
                timeout_s=wait_s,
                check=lambda vectors: vectors,
                keep=lambda _vectors, _cost: None,
            )
        )
        await self._learn_of(model, made.error)
        if made.error is not None:
            raise made.error
        return made.value

    async def close(self) -> None:
        """Write down what is still being written, then let the vendors go."""
        await self._attempts.close()
        for vendor in self._vendors.values():
            await vendor.close()

    def _decide(
        self, task: Task, most: int, experience: Any, failed: Mapping[str, str], refused: Collection[str]
    ) -> Decision:
        return decide(
            task,
            self.catalog,
            experience,
            now=self._now(),
            most_input_tokens=most,
            failed=failed,
            refused=refused,
            rules=self._rules,
        )

    def _most_input_tokens(self, task: Task) -> int:
        """What bounds the prompt's tokens, whichever vendor it goes to."""
        one_of_each = {model.vendor: model for model in self.catalog.models}
        return max((most_input_tokens(self._body(task, model)) for model in one_of_each.values()), default=0)

    def _question(self, task: Task, model: Model) -> Question:
        prompt = msgspec.structs.replace(task.prompt, max_output_tokens=most_output_tokens(model, task))
        return Question(model.name, prompt, model.context_tokens, self._timeout_s)

    def _body(self, task: Task, model: Model) -> bytes:
        return self._vendors[model.vendor].body(self._question(task, model))

    def _ask(
        self,
        task: Task,
        model: Model,
        decision: Decision,
        before: Sequence[Attempt],
        check: Callable[[Any], Any] | None,
    ) -> Ask[Answer]:
        vendor = self._vendors[model.vendor]
        question = self._question(task, model)
        body = vendor.body(question)
        local = model.place is Place.LOCAL
        call = Call(
            task_type=task.type.value,
            reason=decision.reason.value,
            vendor=model.vendor,
            model_asked=model.name,
            place=model.place,
            host=vendor.host,
            importance=task.importance.value,
            pool=decision.pool,
            attempt=len(before) + 1,
            complexity=task.complexity.score,
            band=band_of(task.complexity.score),
            price_version=model.rates.version if model.rates else None,
            bytes_out=len(body),
            redactions=task.redactions,
            request_hash=hashlib.sha256(body).hexdigest(),
            project_id=task.project_id,
            source_id=task.source_id,
            interaction_id=task.interaction_id,
        )
        worst = 0
        if not local and model.rates is not None:
            worst = worst_case_nusd(most_input_tokens(body), question.prompt.max_output_tokens, model.rates)

        def keep(answer: Answer, cost_nusd: int) -> Mapping[str, Any] | None:
            spent = sum(attempt.cost_nusd for attempt in before) + cost_nusd
            return kept(task, decision, answer.value, attempts=len(before) + 1, cost_nusd=spent)

        return Ask[Answer](
            call=call,
            model=model,
            worst_case_nusd=worst,
            ask=lambda: vendor.ask(question),
            timeout_s=self._timeout_s,
            check=lambda answer: answer.value if check is None else check(answer.value),
            keep=keep,
        )

    async def _learn_of(self, model: Model, error: VendorError | None) -> None:
        """Whom to leave in peace. How answers stand is learned by the ledger, with what they cost."""
        if error is None or isinstance(error, BadAnswer):
            self._failures.answered(model.vendor, model.name)
            return
        rest = self._failures.failed(model.vendor, model.name, error)
        if rest is not None:
            name = "" if rest.whole_vendor else model.name
            await self._memory.cool_down(model.vendor, name, seconds=rest.seconds, reason=rest.reason)


def _refuse(error: BudgetError, model: Model, refused: dict[str, int], failed: dict[str, str]) -> None:
    """What a refusal takes away: what the budget has not enough left for, or everything that costs.

    A budget that refuses once more without having less left would do so for ever: then the model is out.
    """
    key, left = (error.budget, error.left_nusd) if isinstance(error, BudgetRefused) else (LEDGER, 0)
    if key in refused and left >= refused[key]:
        failed[model.ref] = error.code
    refused[key] = min(left, refused.get(key, left))
