"""Every failure of every vendor through its adapter: which error it is, what it used, and whether it may have cost."""

import asyncio

import pytest
from asking_vendors import ADAPTERS, EMBEDS, GOOD, MODELS, PROMPT, SECRET, on_wire, question, vendor
from wire import failures
from wire.server import Wire, wire_server

from routing.errors import (
    AnswerInvalid,
    AnswerRefused,
    AnswerTruncated,
    KeyRefused,
    ModelMissing,
    OutOfCredit,
    PromptTruncated,
    RequestRefused,
    VendorError,
    VendorFailed,
    VendorOverloaded,
    VendorRateLimited,
    VendorTimeout,
    VendorUnreachable,
)
from routing.price import Usage

ALL = ADAPTERS
CLOUDS = tuple(name for name in ADAPTERS if name != "ollama")
OPENAIS = tuple(name for name in CLOUDS if name != "anthropic")

NOTHING = "nothing: the vendor turned it away"
TOLD = "what the vendor says"
UNKNOWN = "nobody knows, so that the worst case counts"

# failure, adapters, error, usage
TABLE: tuple[tuple[str, tuple[str, ...], type[VendorError], str], ...] = (
    ("key_wrong", ALL, KeyRefused, NOTHING),
    ("key_missing", ALL, KeyRefused, NOTHING),
    ("forbidden", ALL, KeyRefused, NOTHING),
    ("model_missing", ALL, ModelMissing, NOTHING),
    ("path_missing", ALL, ModelMissing, NOTHING),
    ("request_invalid", ALL, RequestRefused, NOTHING),
    ("schema_refused", ALL, RequestRefused, NOTHING),
    ("too_long", ALL, RequestRefused, NOTHING),
    ("too_large", ALL, RequestRefused, NOTHING),
    ("unprocessable", ALL, RequestRefused, NOTHING),
    ("rate_limited", ALL, VendorRateLimited, NOTHING),
    ("out_of_credit", ALL, OutOfCredit, NOTHING),
    ("payment_required", ALL, OutOfCredit, NOTHING),
    ("overloaded", ("anthropic",), VendorOverloaded, NOTHING),
    ("overloaded", ("ollama", *OPENAIS), VendorOverloaded, UNKNOWN),
    ("unavailable", ALL, VendorOverloaded, UNKNOWN),
    ("server_error", ALL, VendorFailed, UNKNOWN),
    ("gateway_timeout", ALL, VendorTimeout, UNKNOWN),
    ("html", ALL, VendorFailed, UNKNOWN),
    ("html_error", ALL, VendorFailed, UNKNOWN),
    ("truncated_json", ALL, VendorFailed, UNKNOWN),
    ("no_json_body", ALL, VendorFailed, UNKNOWN),
    ("empty_list_body", ALL, VendorFailed, UNKNOWN),
    ("cut", ALL, VendorFailed, UNKNOWN),
    ("cut_before", ALL, VendorFailed, UNKNOWN),
    ("talks", ALL, AnswerInvalid, TOLD),
    ("not_json", ALL, AnswerInvalid, TOLD),
    ("ignores_format", ALL, AnswerInvalid, TOLD),
    ("wrong_schema", ALL, AnswerInvalid, TOLD),
    ("huge", CLOUDS, AnswerInvalid, TOLD),
    ("huge", ("ollama",), AnswerTruncated, TOLD),  # it stops at num_predict
    ("empty", ALL, AnswerInvalid, TOLD),
    ("length", ALL, AnswerTruncated, TOLD),
    ("empty_length", ALL, AnswerTruncated, TOLD),
    ("refusal", CLOUDS, AnswerRefused, TOLD),
    ("refusal", ("ollama",), AnswerInvalid, TOLD),
    ("filtered", OPENAIS, AnswerRefused, TOLD),
    ("pause_turn", ("anthropic",), AnswerInvalid, TOLD),
    ("context_exceeded", ("anthropic",), AnswerTruncated, TOLD),
    ("prompt_truncated", ("ollama",), PromptTruncated, TOLD),
)
CASES = [
    pytest.param(adapter, failure, error, usage, id=f"{adapter}-{failure}")
    for failure, adapters, error, usage in TABLE
    for adapter in adapters
]


async def failing(adapter: str, wire: Wire, **asked: float) -> VendorError:
    async with vendor(adapter, wire.url) as opened:
        with pytest.raises(VendorError) as raised:
            await opened.ask(question(adapter, **asked))
    return raised.value


@pytest.mark.parametrize(("adapter", "failure", "error", "usage"), CASES)
async def test_each_failure_is_a_named_error_with_its_usage(
    adapter: str, failure: str, error: type[VendorError], usage: str
) -> None:
    async with wire_server(answers={MODELS[adapter]: GOOD}) as wire:
        wire.fail(on_wire(adapter), failure)
        raised = await failing(adapter, wire)
    assert type(raised) is error
    assert raised.sent
    if usage is TOLD:
        assert raised.usage is not None
        assert raised.usage.input_tokens > 0
        assert raised.model == MODELS[adapter]
    else:
        assert raised.usage == (Usage() if usage is NOTHING else None)
    said = f"{raised!r} {raised}"
    assert len(said.splitlines()) == 1
    for content in ("growing pause", SECRET, "unexpected", "Sure!", "credit balance"):
        assert content not in said


def test_the_table_leaves_out_no_failure_of_the_wire() -> None:
    good_all_the_same = {"fenced", "usage_missing", "other_model", "extra_fields"}
    in_tests_of_their_own = {"hang", "slow", failures.STREAM}
    assert {row[0] for row in TABLE} | good_all_the_same | in_tests_of_their_own == failures.NAMES


@pytest.mark.parametrize("adapter", ALL)
async def test_what_hangs_ends_in_time_and_the_request_is_closed(adapter: str) -> None:
    async with wire_server() as wire, asyncio.timeout(5):
        wire.fail(on_wire(adapter), "hang")
        raised = await failing(adapter, wire, timeout_s=0.2)
        await wire.departed()
    assert (type(raised), raised.usage, raised.sent) == (VendorTimeout, None, True)


@pytest.mark.parametrize("adapter", ALL)
async def test_a_cancelled_question_closes_its_request_and_stays_cancelled(adapter: str) -> None:
    async with wire_server() as wire, asyncio.timeout(5), vendor(adapter, wire.url) as opened:
        wire.fail(on_wire(adapter), "hang")
        asking = asyncio.create_task(opened.ask(question(adapter)))
        await wire.arrived()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await wire.departed()


@pytest.mark.parametrize("adapter", ALL)
async def test_where_nothing_listens_nothing_was_sent(adapter: str) -> None:
    async with wire_server() as wire:
        await wire.refuse()
        raised = await failing(adapter, wire)
    assert (type(raised), raised.sent) == (VendorUnreachable, False)


@pytest.mark.parametrize("adapter", ALL)
async def test_a_failed_question_is_asked_once(adapter: str) -> None:
    async with wire_server() as wire:
        wire.fail(on_wire(adapter), "server_error")
        await failing(adapter, wire)
        wire.fail(on_wire(adapter), "overloaded", retry_after_s=0)
        await failing(adapter, wire)
        assert len(wire.requests) == 2


@pytest.mark.parametrize("adapter", ALL)
async def test_when_to_ask_again_is_told_and_not_waited_for(adapter: str) -> None:
    async with wire_server() as wire, asyncio.timeout(5):
        wire.fail(on_wire(adapter), "rate_limited", retry_after_s=77)
        raised = await failing(adapter, wire)
    assert raised.retry_after_s == 77


@pytest.mark.parametrize("adapter", ["anthropic", "openai"])
async def test_a_wrong_key_is_said_to_be_one_and_not_repeated(adapter: str) -> None:
    async with wire_server() as wire, vendor(adapter, wire.url, "wrong-hush-77") as opened:
        with pytest.raises(KeyRefused) as raised:
            await opened.ask(question(adapter))
        assert "hush-77" not in f"{opened!r} {raised.value!r} {raised.value}"


@pytest.mark.parametrize("adapter", [name for name in ALL if name in EMBEDS])
@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ("key_wrong", KeyRefused),
        ("model_missing", ModelMissing),
        ("rate_limited", VendorRateLimited),
        ("server_error", VendorFailed),
        ("html", VendorFailed),
        ("truncated_json", VendorFailed),
        ("empty_list_body", VendorFailed),
        ("cut", VendorFailed),
        ("hang", VendorTimeout),
    ],
)
async def test_vectors_fail_by_the_same_names(adapter: str, failure: str, error: type[VendorError]) -> None:
    async with wire_server() as wire, vendor(adapter, wire.url) as opened:
        wire.fail(adapter, failure)
        with pytest.raises(VendorError) as raised:
            await opened.embed(EMBEDS[adapter], ["a text"], timeout_s=0.2 if failure == "hang" else 5)
    assert type(raised.value) is error


@pytest.mark.parametrize("adapter", ALL)
@pytest.mark.parametrize("failure", ["key_wrong", "server_error", "html", "truncated_json", "hang"])
async def test_a_vendor_that_cannot_say_what_it_has_says_so_by_an_error(adapter: str, failure: str) -> None:
    async with wire_server() as wire, vendor(adapter, wire.url) as opened, asyncio.timeout(5):
        wire.fail(on_wire(adapter), failure)
        with pytest.raises(VendorError):
            await opened.offered(timeout_s=0.3)


async def test_what_an_openai_failed_at_with_status_200_is_an_error_with_its_usage() -> None:
    async with wire_server() as wire, vendor("openai", wire.url) as opened:
        for code, error in (("rate_limit_exceeded", VendorRateLimited), ("server_error", VendorFailed)):
            failed = {"status": "failed", "error": {"code": code, "message": "hush"}, "output": []}
            wire.steps.clear()
            wire.fail("openai", "", extra=failed)
            with pytest.raises(VendorError) as raised:
                await opened.ask(question("openai"))
            assert type(raised.value) is error
            assert raised.value.usage is not None
            assert "hush" not in str(raised.value)


async def test_a_prompt_that_does_not_fit_is_noticed_by_what_was_read() -> None:
    prompt = PROMPT.__class__(PROMPT.name, PROMPT.system, PROMPT.user * 20, PROMPT.answer, 100)
    async with wire_server(answers={"qwen3:8b": GOOD}) as wire, vendor("ollama", wire.url) as opened:
        with pytest.raises(PromptTruncated):
            await opened.ask(question("ollama", prompt=prompt, context_tokens=2_048))
        assert (await opened.ask(question("ollama", prompt=prompt, context_tokens=32_768))).usage is not None


async def test_a_local_model_that_is_suddenly_handed_on_is_a_failure_that_says_so() -> None:
    async with wire_server(answers={"qwen3:8b": GOOD}) as wire, vendor("ollama", wire.url) as opened:
        await opened.offered(timeout_s=5)
        await opened.ask(question("ollama"))
        wire.fail("ollama", "", extra={"remote_host": "https://ollama.com:443", "remote_model": "qwen3"})
        with pytest.raises(VendorFailed, match=r"handed qwen3:8b on to ollama\.com:443"):
            await opened.ask(question("ollama"))


async def test_a_model_that_is_handed_on_gets_nothing_more_to_read() -> None:
    async with wire_server(answers={"qwen3:8b": GOOD}) as wire, vendor("ollama", wire.url) as opened:
        await opened.offered(timeout_s=5)
        wire.fail("ollama", "", extra={"remote_host": "https://ollama.com:443", "remote_model": "qwen3"})
        for _ in range(3):  # whoever has not heard of it yet still takes it for a local one
            with pytest.raises(VendorFailed, match="qwen3:8b on"):
                await opened.ask(question("ollama"))
            await opened.offered(timeout_s=5)
        assert len([seen for seen in wire.requests if seen.path == "/api/chat"]) == 1
