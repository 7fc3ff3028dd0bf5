"""The wire against the vendors' own SDKs: what they take for an answer, a refusal and a broken line, it is."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anthropic
import httpx
import httpx2
import msgspec
import ollama
import openai
import pytest

from wire import failures
from wire.beside import wire_process, wire_thread
from wire.bill import Price
from wire.exchange import Said
from wire.limits import Latency, Limits
from wire.models import Offer
from wire.schema import refuse_anthropic, refuse_openai, smallest
from wire.script import Step
from wire.server import Wire, wire_server

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "score": {"type": "number"},
        "kind": {"enum": ["good", "bad"]},
        "steps": {"type": "array", "items": {"$ref": "#/$defs/Step"}},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["name", "score", "kind", "steps", "note"],
    "additionalProperties": False,
    "$defs": {
        "Step": {
            "type": "object",
            "properties": {"text": {"type": "string"}},
            "required": ["text"],
            "additionalProperties": False,
        }
    },
}
LEAST = {"name": "", "score": 0, "kind": "good", "steps": [], "note": None}
TEXT = "How is a lost connection found again? " * 20


class Clients:
    """The SDKs as the service uses them: no tries of their own, a timeout."""

    def __init__(self, url: str, key: str = "a-key", timeout_s: float = 5.0) -> None:
        self.ollama = ollama.AsyncClient(host=f"{url}/ollama", timeout=timeout_s, trust_env=False)
        self.anthropic = anthropic.AsyncAnthropic(
            base_url=f"{url}/anthropic", api_key=key, max_retries=0, timeout=timeout_s
        )
        self.openai = openai.AsyncOpenAI(base_url=f"{url}/openai/v1", api_key=key, max_retries=0, timeout=timeout_s)
        self.compatible = openai.AsyncOpenAI(
            base_url=f"{url}/compatible/v1", api_key="none", max_retries=0, timeout=timeout_s
        )

    async def chat(self, **rest: Any) -> Any:
        options = {"num_ctx": 8192, "num_predict": 500, **rest.pop("options", {})}
        return await self.ollama.chat(
            **{"model": "llama3.2", "messages": _messages(), "format": SCHEMA, "options": options, **rest}
        )

    async def message(self, **rest: Any) -> Any:
        form = {"format": {"type": "json_schema", "schema": SCHEMA}}
        return await self.anthropic.messages.create(
            **{
                "model": "claude-haiku-5-5",
                "max_tokens": 500,
                "system": "Answer.",
                "messages": _messages()[1:],
                "output_config": form,
                **rest,
            }
        )

    async def response(self, **rest: Any) -> Any:
        form = {"format": {"type": "json_schema", "name": "answer", "strict": True, "schema": SCHEMA}}
        return await self.openai.responses.create(
            **{"model": "gpt-6-luna", "instructions": "Answer.", "input": TEXT, "store": False, "text": form, **rest}
        )

    async def completion(self, **rest: Any) -> Any:
        form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}
        return await self.openai.chat.completions.create(
            **{"model": "gpt-6-luna", "messages": _messages(), "response_format": form, **rest}
        )

    async def close(self) -> None:
        await self.ollama.close()
        for client in (self.anthropic, self.openai, self.compatible):
            await client.close()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with wire_server() as server:
        yield server


@pytest.fixture
async def clients(wire: Wire) -> AsyncIterator[Clients]:
    opened = Clients(wire.url)
    yield opened
    await opened.close()


async def test_every_vendor_answers_with_the_least_that_the_schema_takes(clients: Clients):
    assert json.loads((await clients.chat()).message.content) == LEAST
    assert json.loads((await clients.message()).content[0].text) == LEAST
    assert json.loads((await clients.response()).output_text) == LEAST
    assert json.loads((await clients.completion()).choices[0].message.content) == LEAST


async def test_a_model_says_what_it_was_told_to_say(wire: Wire, clients: Clients):
    wire.answer("llama3.2", {"name": "told"})
    wire.answer("claude-haiku-5-5", lambda asked: {"name": asked.user[:3], "number": asked.number})
    wire.answer("gpt-6-luna", Said(text="as it is", output_tokens=7, reasoning_tokens=3, cached_tokens=5))
    assert json.loads((await clients.chat()).message.content) == {"name": "told"}
    await clients.message()
    assert json.loads((await clients.message()).content[0].text) == {"name": "How", "number": 1}
    response = await clients.response()
    assert (response.output_text, response.usage.output_tokens) == ("as it is", 7)
    assert response.usage.output_tokens_details.reasoning_tokens == 3
    assert response.usage.input_tokens_details.cached_tokens == 5


async def test_each_vendor_counts_cached_tokens_in_its_own_way(wire: Wire, clients: Clients):
    wire.script(Step(input_tokens=1000, cached_tokens=600, cache_write_tokens=100, output_tokens=10))
    usage = (await clients.message()).usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (300, 600, 100)
    usage = (await clients.response()).usage
    assert (usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.total_tokens) == (1000, 600, 1010)
    usage = (await clients.completion()).usage
    assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens) == (1000, 600)


async def test_the_bill_has_its_own_arithmetic():
    prices = {
        "anthropic/claude-haiku-5-5": Price(100, 500, 10, 125, (999_999, Price(1_000, 5_000))),
    }
    async with wire_server(prices=prices) as wire:
        clients = Clients(wire.url)
        wire.script(
            Step(input_tokens=30_000, cached_tokens=10_000, cache_write_tokens=10_000, output_tokens=2_000, times=1)
        )
        await clients.message()
        # 10,000 x 100 + 10,000 x 10 + 10,000 x 125 + 2,000 x 500 = 3,350,000 millionths: 4 whole nano-dollars
        assert wire.bill.total_nusd == 4
        wire.script(Step(input_tokens=1_000_000, output_tokens=1))
        await clients.message()  # above the tier: 1,000,000 x 1,000 + 5,000 millionths
        assert wire.bill.charges[-1].cost_nusd == 1_001
        await clients.response()
        assert wire.bill.unpriced == {"openai/gpt-6-luna"}
        assert wire.bill.of(vendor="anthropic", key="a-key") == wire.bill.total_nusd
        await clients.close()


async def test_the_listings_are_read_by_the_sdks(wire: Wire, clients: Clients):
    wire.offers.append(Offer("ollama", "own:1b"))
    assert "own:1b" in {model.model for model in (await clients.ollama.list()).models}
    shown = await clients.ollama.show("nomic-embed-text")
    assert shown.capabilities == ["embedding"]
    assert shown.modelinfo is not None
    assert shown.modelinfo["nomic-bert.context_length"] == 2048
    assert (await clients.ollama.ps()).models[0].context_length == 4096
    listed = await clients.anthropic.models.list()
    assert listed.data[0].id == "claude-haiku-5-5"
    assert (await clients.anthropic.models.retrieve("claude-opus-5-5")).max_input_tokens == 1_000_000
    assert (await clients.openai.models.retrieve("gpt-6.1-sol")).id == "gpt-6.1-sol"
    assert [model.id async for model in await clients.compatible.models.list()] == ["qwen3-8b-instruct", "bge-m3"]
    counted = await clients.anthropic.messages.count_tokens(
        model="claude-haiku-5-5", messages=[{"role": "user", "content": "x" * 400}]
    )
    assert counted.input_tokens == 108
    assert wire.bill.charges == []


async def test_an_ollama_says_where_a_model_of_the_cloud_really_runs(wire: Wire):
    async with httpx.AsyncClient(base_url=f"{wire.url}/ollama/api", trust_env=False) as client:
        tags = (await client.get("/tags")).json()["models"]
        assert (await client.get("/version")).json()["version"]
        shown = (await client.post("/show", json={"model": "gpt-oss:120b-cloud"})).json()
    remote = {model["name"]: model.get("remote_host") for model in tags}
    assert remote["gpt-oss:120b-cloud"] == shown["remote_host"] == "https://ollama.com:443"
    assert remote["llama3.2:latest"] is None


async def test_texts_become_vectors_that_lie_close_where_they_share_words(wire: Wire, clients: Clients):
    texts = ["retry the lost connection", "the connection is lost, retry", "paint it blue"]
    ours = (await clients.ollama.embed(model="nomic-embed-text", input=texts)).embeddings
    theirs = await clients.openai.embeddings.create(model="text-embedding-3-small", input=texts, dimensions=256)
    same = await clients.compatible.embeddings.create(model="bge-m3", input=texts[0], encoding_format="float")
    assert [len(vector) for vector in ours] == [768] * 3
    assert [len(entry.embedding) for entry in theirs.data] == [256] * 3
    assert len(same.data[0].embedding) == 1024
    for vectors in (ours, [entry.embedding for entry in theirs.data]):
        assert _dot(vectors[0], vectors[0]) == pytest.approx(1, abs=1e-6)
        assert _dot(vectors[0], vectors[1]) > 0.5 > _dot(vectors[0], vectors[2])
    assert wire.bill.charges[1].input_tokens == theirs.usage.prompt_tokens == 7 + 8 + 4


async def test_an_ollama_drops_without_a_word_what_its_context_does_not_hold(clients: Clients):
    whole = await clients.chat()
    short = await clients.chat(options={"num_ctx": 64})
    assert whole.prompt_eval_count > short.prompt_eval_count == 64
    assert short.done_reason == "stop"


async def test_an_ollama_stops_at_num_predict(wire: Wire, clients: Clients):
    wire.answer("llama3.2", {"name": "x" * 400})
    answer = await clients.chat(options={"num_predict": 20})
    assert (answer.done_reason, answer.eval_count) == ("length", 20)


Call = Callable[[Clients], Awaitable[Any]]
CALLS: dict[str, Call] = {
    "ollama": Clients.chat,
    "anthropic": Clients.message,
    "openai": Clients.response,
    "chat completions": Clients.completion,
}

# What each SDK raises for a status; Ollama's has one class for all.
RAISED: dict[str, tuple[type[Exception], type[Exception]]] = {
    "key_missing": (anthropic.AuthenticationError, openai.AuthenticationError),
    "key_wrong": (anthropic.AuthenticationError, openai.AuthenticationError),
    "forbidden": (anthropic.PermissionDeniedError, openai.PermissionDeniedError),
    "model_missing": (anthropic.NotFoundError, openai.NotFoundError),
    "path_missing": (anthropic.NotFoundError, openai.NotFoundError),
    "request_invalid": (anthropic.BadRequestError, openai.BadRequestError),
    "schema_refused": (anthropic.BadRequestError, openai.BadRequestError),
    "too_long": (anthropic.BadRequestError, openai.BadRequestError),
    "too_large": (anthropic.ContentTooLargeError, openai.APIStatusError),
    "unprocessable": (anthropic.UnprocessableEntityError, openai.UnprocessableEntityError),
    "rate_limited": (anthropic.RateLimitError, openai.RateLimitError),
    "out_of_credit": (anthropic.BadRequestError, openai.RateLimitError),
    "payment_required": (anthropic.PaymentRequiredError, openai.APIStatusError),
    "overloaded": (anthropic.OverloadedError, openai.InternalServerError),
    "unavailable": (anthropic.ServiceUnavailableError, openai.InternalServerError),
    "server_error": (anthropic.InternalServerError, openai.InternalServerError),
    "gateway_timeout": (anthropic.GatewayTimeoutError, openai.InternalServerError),
}


@pytest.mark.parametrize("failure", failures.STATUSES)
async def test_the_sdks_know_each_refusal_by_its_class_and_nothing_is_charged(
    wire: Wire, clients: Clients, failure: str
):
    wire.script(Step(failure=failure))
    theirs, other = RAISED[failure]
    with pytest.raises(ollama.ResponseError) as refused:
        await clients.chat()
    assert refused.value.status_code == failures.STATUSES[failure]["ollama"].status
    with pytest.raises(theirs) as by_anthropic:
        await clients.message()
    assert isinstance(by_anthropic.value, anthropic.APIStatusError)
    assert by_anthropic.value.type == failures.STATUSES[failure]["anthropic"].type
    assert by_anthropic.value.request_id
    for call in (clients.response, clients.completion):
        with pytest.raises(other) as by_openai:
            await call()
        assert isinstance(by_openai.value, openai.APIStatusError)
        assert by_openai.value.code == failures.STATUSES[failure]["openai"].code
        assert by_openai.value.request_id
    assert wire.bill.charges == []


async def test_a_limit_says_when_to_ask_again_where_it_was_told_to(wire: Wire, clients: Clients):
    wire.fail("anthropic", "rate_limited", times=1, retry_after_s=17)
    wire.fail("anthropic", "rate_limited", times=1)
    for expected in ("17", None):
        with pytest.raises(anthropic.RateLimitError) as limited:
            await clients.message()
        assert limited.value.response.headers.get("retry-after") == expected
    await clients.message()


async def test_keys_are_looked_at(wire: Wire):
    wrong = Clients(wire.url, "wrong-key")
    with pytest.raises(anthropic.AuthenticationError):
        await wrong.message()
    with pytest.raises(openai.AuthenticationError):
        await wrong.response()
    async with httpx.AsyncClient(base_url=wire.url, trust_env=False) as client:
        assert (await client.post("/openai/v1/responses", json={"model": "gpt-6-luna"})).status_code == 401
        assert (await client.get("/anthropic/v1/models")).json()["error"]["type"] == "authentication_error"
    await wrong.chat()
    await wrong.close()
    async with wire_server(keys={"the-one"}) as strict:
        right, other = Clients(strict.url, "the-one"), Clients(strict.url, "another")
        await right.message()
        with pytest.raises(anthropic.AuthenticationError):
            await other.message()
        await right.close()
        await other.close()


async def test_an_unknown_model_is_unknown_to_each_vendor(clients: Clients):
    with pytest.raises(ollama.ResponseError, match="'nobody' not found"):
        await clients.chat(model="nobody")
    with pytest.raises(anthropic.NotFoundError):
        await clients.message(model="nobody")
    for call in (clients.response, clients.completion):
        with pytest.raises(openai.NotFoundError) as missing:
            await call(model="nobody")
        assert missing.value.code == "model_not_found"


async def test_a_strict_server_refuses_the_schemas_that_the_vendors_refuse(clients: Clients):
    loose = {key: value for key, value in SCHEMA.items() if key != "additionalProperties"}
    with pytest.raises(anthropic.BadRequestError, match="additionalProperties"):
        await clients.message(output_config={"format": {"type": "json_schema", "schema": loose}})
    form = {"type": "json_schema", "name": "answer", "strict": True, "schema": loose}
    with pytest.raises(openai.BadRequestError) as refused:
        await clients.response(text={"format": form})
    assert refused.value.code == "invalid_json_schema"
    await clients.response(text={"format": {**form, "strict": False}})
    await clients.chat(format=loose)


WAYS: dict[str, tuple[type[Exception] | None, type[Exception] | None]] = {
    # what Ollama's SDK raises, and what the two others raise; None where it takes it for an answer
    "html": (json.JSONDecodeError, None),
    "html_error": (ollama.ResponseError, Exception),
    "truncated_json": (json.JSONDecodeError, json.JSONDecodeError),
    "no_json_body": (json.JSONDecodeError, json.JSONDecodeError),
    "empty_list_body": (TypeError, None),
    "cut": (httpx.RemoteProtocolError, Exception),
    "cut_before": (httpx.RemoteProtocolError, Exception),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("vendor", CALLS)
async def test_a_line_breaks_in_the_way_it_was_told_to(wire: Wire, clients: Clients, vendor: str, way: str):
    wire.script(Step(failure=way))
    expected = WAYS[way][0 if vendor == "ollama" else 1]
    if expected is None:
        answer = await CALLS[vendor](clients)
        assert not hasattr(answer, "usage")  # a str or a list where the SDK promises an object
    else:
        with pytest.raises(expected):
            await CALLS[vendor](clients)
    assert bool(wire.bill.charges) is failures.WAYS[way].charged


@pytest.mark.parametrize("vendor", CALLS)
async def test_what_never_answers_is_charged_and_leaves_no_trace_when_the_client_goes(wire: Wire, vendor: str):
    clients = Clients(wire.url, timeout_s=0.05)
    wire.script(Step(failure="hang"))
    with pytest.raises((httpx.ReadTimeout, anthropic.APITimeoutError, openai.APITimeoutError)):
        await CALLS[vendor](clients)
    await wire.departed()
    assert [charge.delivered for charge in wire.bill.charges] == [False]
    await clients.close()


async def test_an_answer_can_be_held_and_let_go(wire: Wire, clients: Clients):
    wire.script(Step(hold=True))
    waiting = asyncio.create_task(clients.message())
    await wire.arrived()
    assert not waiting.done()
    assert wire.bill.total_nusd > 0  # the model began
    wire.let_go()
    assert (await waiting).stop_reason == "end_turn"


async def test_a_client_that_goes_away_is_charged_all_the_same(wire: Wire, clients: Clients):
    wire.script(Step(hold=True))
    waiting = asyncio.create_task(clients.response())
    await wire.arrived()
    waiting.cancel()
    await wire.departed()
    assert [charge.delivered for charge in wire.bill.charges] == [False]


async def test_a_server_that_is_down_refuses_connections_until_it_is_back(wire: Wire, clients: Clients):
    await clients.message()
    await wire.refuse()
    with pytest.raises(ConnectionError):
        await clients.chat()
    with pytest.raises(anthropic.APIConnectionError) as refused:
        await clients.message()
    assert isinstance(refused.value.__cause__, httpx2.ConnectError)
    await wire.listen()
    await clients.message()


async def test_answers_that_cannot_be_used_are_told_and_charged(wire: Wire, clients: Clients):
    for failure in failures.ANSWERS:
        wire.steps.clear()
        wire.script(Step(failure=failure))
        before = len(wire.bill.charges)
        for call in CALLS.values():
            assert await call(clients) is not None
        assert len(wire.bill.charges) == before + len(CALLS), failure


async def test_each_vendor_stops_in_its_own_words(wire: Wire, clients: Clients):
    expected = {
        "length": ("length", "max_tokens", "max_output_tokens", "length"),
        "refusal": ("stop", "refusal", None, "stop"),
        "pause_turn": ("stop", "pause_turn", "max_output_tokens", "length"),
        "context_exceeded": ("stop", "model_context_window_exceeded", "max_output_tokens", "length"),
        "filtered": ("stop", "refusal", "content_filter", "content_filter"),
    }
    for failure, (by_ollama, by_anthropic, by_responses, by_chat) in expected.items():
        wire.steps.clear()
        wire.script(Step(failure=failure))
        assert (await clients.chat()).done_reason == by_ollama
        assert (await clients.message()).stop_reason == by_anthropic
        response = await clients.response()
        assert (response.incomplete_details and response.incomplete_details.reason) == by_responses
        assert response.status == ("incomplete" if by_responses else "completed")
        assert (await clients.completion()).choices[0].finish_reason == by_chat
    wire.steps.clear()
    wire.script(Step(failure="refusal"))
    assert (await clients.response()).output[-1].content[0].type == "refusal"
    assert (await clients.completion()).choices[0].message.refusal


async def test_answers_come_in_every_shape_that_is_no_answer(wire: Wire, clients: Clients):
    async def said(failure: str) -> str:
        wire.steps.clear()
        wire.script(Step(failure=failure))
        return (await clients.chat()).message.content

    assert (await said("fenced")).startswith("```json\n{")
    assert "{" in await said("talks")
    assert "{" not in await said("ignores_format")
    assert json.loads(await said("wrong_schema")) == {"unexpected": ["nobody asked for this"]}


async def test_an_answer_of_200_kb_is_valid_json(wire: Wire, clients: Clients):
    wire.script(Step(failure="huge"))
    text = (await clients.message()).content[0].text
    assert len(text) > 200_000
    assert json.loads(text).keys() == LEAST.keys()


async def test_usage_and_the_model_that_answered_can_be_other_than_expected(wire: Wire, clients: Clients):
    wire.script(Step(failure="usage_missing", times=4))
    assert (await clients.chat()).prompt_eval_count is None
    assert getattr(await clients.message(), "usage", None) is None
    assert (await clients.response()).usage is None
    assert (await clients.completion()).usage is None
    assert len(wire.bill.charges) == 4
    wire.script(Step(vendor="openai", answered_by="gpt-6.1-sol", times=1), Step(failure="other_model"))
    assert (await clients.response()).model == "gpt-6.1-sol"
    assert wire.bill.charges[-1].model == "gpt-6.1-sol"
    assert (await clients.message()).model == "claude-haiku-5-5-2026-11-01"


async def test_streams_are_read_by_the_sdks_and_can_die(wire: Wire, clients: Clients):
    wire.answer("claude-haiku-5-5", "In two parts.")
    async with clients.anthropic.messages.stream(
        model="claude-haiku-5-5", max_tokens=50, messages=[{"role": "user", "content": "x"}]
    ) as stream:
        assert (await stream.get_final_message()).content[0].text == "In two parts."
    parts = [part async for part in await clients.chat(stream=True)]
    assert parts[-1].done
    assert json.loads("".join(part.message.content for part in parts)) == LEAST
    events = [event.type async for event in await clients.response(stream=True)]
    assert events == ["response.created", "response.completed"]
    wire.script(Step(failure=failures.STREAM))
    with pytest.raises(anthropic.APIStatusError) as overloaded:
        [event async for event in await clients.message(stream=True)]
    assert (overloaded.value.status_code, overloaded.value.type) == (200, "overloaded_error")
    with pytest.raises(ollama.ResponseError) as dead:
        [part async for part in await clients.chat(stream=True)]
    assert dead.value.status_code == -1
    wire.steps.clear()
    wire.script(Step(failure="cut"))
    with pytest.raises(httpx.RemoteProtocolError):
        [part async for part in await clients.chat(stream=True)]


async def test_keys_have_limits_by_the_minute_and_at_a_time():
    async with wire_server(limits={"anthropic": Limits(per_minute=2), "openai": Limits(at_once=1)}) as wire:
        clients, others = Clients(wire.url), Clients(wire.url, "another-key")
        for _ in range(2):
            await clients.message()
        with pytest.raises(anthropic.RateLimitError) as limited:
            await clients.message()
        assert 0 < int(limited.value.response.headers["retry-after"]) <= 60
        await others.message()
        wire.script(Step(vendor="openai", hold=True, times=1))
        waiting = asyncio.create_task(clients.response())
        await wire.arrived(5)
        with pytest.raises(openai.RateLimitError):
            await clients.response()
        wire.let_go()
        await waiting
        await clients.response()
        await clients.close()
        await others.close()


async def test_the_same_seed_brings_the_same_chances_whatever_the_order():
    async def fates(order: list[int]) -> dict[int, bool]:
        async with wire_server(seed=5, latency=Latency(0.01, 0.5)) as wire:
            clients = Clients(wire.url)
            wire.script(Step(failure="overloaded", chance=0.5))
            result: dict[int, bool] = {}
            for number in order:
                try:
                    await clients.message(messages=[{"role": "user", "content": f"question {number}"}])
                    result[number] = True
                except anthropic.OverloadedError:
                    result[number] = False
            await clients.close()
            return result

    forward = await fates(list(range(12)))
    assert forward == await fates(list(reversed(range(12))))
    assert set(forward.values()) == {True, False}


async def test_steps_begin_and_end_when_they_were_told_to(wire: Wire, clients: Clients):
    wire.script(Step(answer={"name": "second"}, skip=1, times=1))
    said = [json.loads((await clients.chat()).message.content)["name"] for _ in range(3)]
    assert said == ["", "second", ""]
    with pytest.raises(ValueError, match="no failure is called nonsense"):
        wire.script(Step(failure="nonsense"))


async def test_requests_are_kept_with_what_came_of_them(wire: Wire, clients: Clients):
    await clients.message(extra_headers={"x-mark": "here"})
    wire.fail("openai", "server_error")
    with pytest.raises(openai.InternalServerError):
        await clients.response()
    first, second = wire.requests
    assert (first.vendor, first.path, first.status, first.delivered) == ("anthropic", "/v1/messages", 200, True)
    assert (first.headers["x-mark"], first.body["max_tokens"]) == ("here", 500)
    assert (second.status, second.body["store"]) == (500, False)


async def test_a_thread_of_its_own_serves_what_runs_loops_of_its_own():
    with wire_thread(answers={"llama3.2": "told"}) as wire:
        answer = await asyncio.to_thread(
            lambda: httpx.post(
                f"{wire.url}/ollama/api/chat", json={"model": "llama3.2", "stream": False}, trust_env=False
            )
        )
        assert answer.json()["message"]["content"] == "told"
        assert len(wire.requests) == 1


async def test_a_process_of_its_own_is_steered_over_http():
    with wire_process("--seed", "3") as wire:
        clients = Clients(wire.url)
        wire.script(Step(vendor="anthropic", failure="overloaded", times=1))
        wire.answers({"gpt-6-luna": {"name": "told"}})
        with pytest.raises(anthropic.OverloadedError):
            await clients.message()
        assert json.loads((await clients.response()).output_text) == {"name": "told"}
        bill = wire.bill()
        assert bill.total_nusd == wire.total_nusd() == wire.total_nusd("a-key") > 0
        assert (bill.calls, bill.undelivered_nusd, list(bill.by_model)) == (1, 0, ["openai/gpt-6-luna"])
        async with httpx.AsyncClient(base_url=wire.url, trust_env=False) as client:
            seen = (await client.get("/control/requests")).json()
            assert [request["status"] for request in seen] == [529, 200]
            assert all("x-api-key" not in request["headers"] for request in seen)
            assert (await client.get("/control/nothing")).status_code == 404
            assert (await client.post("/control/script", content=b'[{"failre": 1}]')).status_code == 400
        wire.forget_script()
        await clients.close()


def test_the_smallest_instance_is_one():
    assert smallest(SCHEMA) == LEAST
    assert smallest({"type": "integer", "minimum": 3}) == 3
    assert smallest({"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}) == 0.25
    assert smallest({"type": "array", "minItems": 2, "items": {"type": "boolean"}}) == [False, False]
    assert smallest({"type": "string", "minLength": 3}) == "xxx"
    assert smallest({"const": "pattern"}) == "pattern"
    assert smallest({"type": ["string", "null"]}) is None


def test_the_smallest_instance_of_a_structs_schema_is_read_by_it():
    class Leaf(msgspec.Struct, tag="leaf"):
        name: str

    class Answer(msgspec.Struct, forbid_unknown_fields=True):
        name: str
        one: Leaf
        score: float
        many: list[Leaf] = []

    assert msgspec.convert(smallest(msgspec.json.schema(Answer)), Answer).name == ""


def test_what_strict_servers_refuse():
    assert refuse_openai(SCHEMA) == refuse_anthropic(SCHEMA) == ""
    assert 'type: "object"' in refuse_openai({"$ref": "#/$defs/Step", **SCHEMA["$defs"]})
    assert "Missing 'name'" in refuse_openai({**SCHEMA, "required": ["score", "kind", "steps", "note"]})
    assert "default" in refuse_openai({**SCHEMA, "properties": {**SCHEMA["properties"], "name": {"default": ""}}})
    low = {**SCHEMA, "properties": {**SCHEMA["properties"], "score": {"type": "number", "minimum": 0}}}
    assert "minimum" in refuse_anthropic(low)
    assert refuse_openai(low) == ""


def test_each_failure_has_one_name_and_words_for_every_vendor():
    names = [*failures.STATUSES, *failures.WAYS, *failures.ANSWERS]
    assert len(names) == len(set(names))
    assert set(RAISED) == set(failures.STATUSES)
    assert all(set(words) == {"ollama", "anthropic", "openai"} for words in failures.STATUSES.values())


def _messages() -> list[dict[str, str]]:
    return [{"role": "system", "content": "Answer."}, {"role": "user", "content": TEXT}]


def _dot(one: Any, other: Any) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
