"""Why a task goes where it goes: foreseen with the budgets as they stand, told afterwards call by call."""

from typing import Any

import pytest
from reading import LOCK, TEXT, Install, Installed, invents
from wire.server import Wire

from routing.complexity import DEFAULT
from routing.task import Importance, TaskType
from service.errors import NotFound
from service.extraction.explaining import decided
from service.extraction.foreseeing import Foreseen, foresee_text
from service.extraction.plan import About
from service.storage.database import Caller

HARD = (
    "Unless the primary cannot be reached, no replica must accept writes, because two primaries would diverge; "
    "however, if the fence was lost while a migration ran, neither node may be trusted until both logs were compared."
)
SERVICE = Caller(None)


async def foreseen(at: Installed, text: str = HARD, **about: Any) -> Foreseen:
    assert at.router is not None
    given = About(**({"vendors": None, "project_id": at.project} | about))
    told, _ = await foresee_text(at.database, at.router, TaskType.PATTERN_EXTRACTION, text, given, DEFAULT)
    return told


def verdicts(told: Foreseen) -> set[str]:
    return {one.verdict for one in told.considered}


async def test_nothing_is_sent_or_reserved_to_know_it(install: Install, wire: Wire):
    async with install("ollama", "anthropic", "openai") as at:
        at.allow(10)
        before = len(wire.requests)
        told = await foreseen(at, importance=Importance.EMERGENCY)
        assert told.model is not None
        assert len(wire.requests) == before
        assert at.rows("select from reservations") == at.rows("select from ledger") == []


async def test_without_a_budget_it_says_so(install: Install):
    async with install("anthropic") as at:
        told = await foreseen(at)
        assert (told.model, told.reason, verdicts(told)) == (None, "no-budget", {"over-budget"})
        at.allow(10)
        assert (await foreseen(at)).place == "commercial"


@pytest.mark.parametrize("kind", ["vendor", "project"])
async def test_every_budget_that_it_counts_for_is_looked_at(install: Install, kind: str):
    async with install("anthropic") as at:
        at.allow(10)
        row = {"vendor": ("anthropic", None), "project": (None, at.project)}[kind]
        at.rows("insert into budgets (kind, vendor, project_id, month_limit_nusd) values (%s, %s, %s, 10)", kind, *row)
        assert (await foreseen(at)).reason == "no-budget"


async def test_an_emergency_has_a_budget_of_its_own(install: Install):
    async with install("anthropic") as at:
        at.allow(0)
        at.allow(100, "emergency")
        told = await foreseen(at, importance=Importance.EMERGENCY)
        assert (told.pool, told.reason, told.target) == ("emergency", "emergency", 0.95)
        assert (await foreseen(at)).model is None


async def test_an_emergency_is_paid_from_it_where_the_usual_budget_is_spent(install: Install, wire: Wire):
    async with install("anthropic") as at:
        at.allow(0)
        at.allow(100, "emergency")
        await at.process(at.hand_in(emergency=True))
        assert set(at.ledger("importance", "pool", "result")) == {("emergency", "emergency", "ok")}
        assert at.spent_nusd() == wire.bill.of() > 0
        usual = await at.process(at.hand_in(TEXT + "Another line."))
        assert usual.readers[-1].extractor == "builtin"


async def test_a_source_that_denies_is_said(install: Install):
    async with install("anthropic") as at:
        at.allow(10)
        told = await foreseen(at, vendors=frozenset())
        assert (told.model, told.reason, told.held_back, verdicts(told)) == (None, "source-denies", True, {"denied"})


async def test_what_was_foreseen_is_what_is_decided(install: Install):
    async with install("ollama", "anthropic", "openai") as at:
        at.allow(10)
        told = await foreseen(at, TEXT)
        interaction = at.hand_in()
        await at.process(interaction)
        reading = (await decided(at.database, SERVICE, interaction)).tasks[-1]
        assert (reading.decision, reading.reason) == (told.model, told.reason)
        assert reading.explanation is not None
        assert [one["verdict"] for one in reading.explanation["considered"]] == [
            one.verdict for one in told.considered
        ]  # fmt: skip


async def test_afterwards_every_call_is_told(install: Install, wire: Wire):
    for weak in ("qwen3:8b", "llama3.2"):
        wire.answer(weak, invents)
    async with install("ollama", "anthropic") as at:
        at.allow(10)
        interaction = at.hand_in()
        await at.process(interaction)
        told = await decided(at.database, SERVICE, interaction)
        assert told.calls is not None
        assert [(call.task_type, call.vendor, call.result) for call in told.calls] == [
            ("content_analysis", "ollama", "ok"),
            ("pattern_extraction", "ollama", "answer-ungrounded"),
            ("pattern_extraction", "anthropic", "ok"),
        ]
        assert [task.said for task in told.tasks] == [
            "worth reading: It says what to do.", "2 patterns, before their quotes were looked up",
        ]  # fmt: skip


async def test_an_answer_that_was_given_before_is_told_too(install: Install):
    async with install("ollama") as at:
        await at.process(at.hand_in())
        again = at.hand_in()
        await at.process(again)
        told = await decided(at.database, SERVICE, again)
        assert [(task.of_another, task.decision) for task in told.tasks] == [(True, "ollama/qwen3:8b")] * 2
        assert told.calls == ()


async def test_who_sees_the_interaction_sees_the_decision_and_admins_the_calls(install: Install):
    async with install("ollama") as at:
        interaction = at.hand_in()
        await at.process(interaction)
        people = {}
        for role in ("admin", "viewer", None):
            user = at.row("insert into auth.users (id) values (gen_random_uuid()) returning id")["id"]
            people[role] = Caller(user)
            if role:
                at.rows("insert into project_members (project_id, user_id, role) values (%s, %s, %s)",
                        at.project, user, role)  # fmt: skip
        assert (await decided(at.database, people["admin"], interaction)).calls
        viewer = await decided(at.database, people["viewer"], interaction)
        assert (len(viewer.tasks), viewer.calls) == (2, None)
        with pytest.raises(NotFound):
            await decided(at.database, people[None], interaction)


async def test_erasing_a_pattern_forgets_what_was_answered_about_it(install: Install):
    async with install("ollama") as at:
        await at.process(at.hand_in())
        at.rows("delete from patterns where name = %s", LOCK.rstrip("."))
        assert LOCK not in str(at.rows("select answer from tasks"))
