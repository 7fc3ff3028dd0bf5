"""Good answers through each adapter: what is sent, what is read, what it used, many at once."""

import asyncio
import json
from typing import Any

import anthropic
import msgspec
import pytest
from asking_vendors import ADAPTERS, EMBEDS, GOOD, MODELS, PROMPT, SECRET, Found, on_wire, question, vendor
from wire.exchange import Asked, Said
from wire.server import wire_server

from routing.errors import AnswerInvalid, RequestRefused, VendorFailed
from routing.price import Usage
from routing.vendors.base import most_input_tokens
from routing.vendors.schema import vendor_schema

EXPECTED = msgspec.convert(GOOD, Found)


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_an_answer_is_the_struct_with_usage_and_the_model_that_gave_it(adapter: str) -> None:
    async with wire_server(answers={MODELS[adapter]: GOOD}) as wire, vendor(adapter, wire.url) as opened:
        answer = await opened.ask(question(adapter))
    assert answer.value == EXPECTED
    assert answer.model == MODELS[adapter]
    assert answer.usage is not None
    assert answer.usage.output_tokens > 0


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    "user", ["plain", 'quotes " and \\ and \n\t\x07\x7f', "\u2028 \U0001f600 \ud800 half a pair, and a NUL \x00", " "]
)
async def test_the_body_is_what_is_sent_byte_for_byte(adapter: str, user: str) -> None:
    asked = question(adapter, prompt=msgspec.structs.replace(PROMPT, user=user))
    async with wire_server(answers={MODELS[adapter]: GOOD}) as wire, vendor(adapter, wire.url) as opened:
        answer = await opened.ask(asked)
        assert wire.requests[0].raw == opened.body(asked)
        assert answer.usage is not None
        assert answer.usage.input_tokens <= most_input_tokens(opened.body(asked))


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    "text",
    [
        "```json\n{}\n```",
        "```\n{}\n```",
        "  \ufeff{}  \n",
        "<think>\nshould I? {no}\n</think>\n\n{}",
        "```JSON\r\n{}\r\n```\n",
    ],
    ids=["fence", "bare fence", "white", "thoughts", "dos fence"],
)
async def test_what_stands_around_valid_json_is_taken_off(adapter: str, text: str) -> None:
    said = text.replace("{}", json.dumps(GOOD))
    async with wire_server(answers={MODELS[adapter]: said}) as wire, vendor(adapter, wire.url) as opened:
        assert (await opened.ask(question(adapter))).value == EXPECTED


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    "text",
    [
        '{"quotes": [{"text": "\\ud800", "place": 1}]}',
        '{"quotes": [{"text": "a\\u0000b", "place": 1}]}',
        '{"quotes": [{"text": "a\x00b", "place": 1}]}',
        '{"quotes": [{"text": "a", "place": -1}]}',
        '{"quotes": [{"text": "a", "place": "1"}]}',
        '{"quotes": null}',
        '{"quotes": []} and more',
        "[" * 100_000,
        "NaN",
        '"\ud800"',
    ],
    ids=["half pair", "nul", "raw nul", "bound", "type", "null", "trailing", "deep", "nan", "broken outside"],
)
async def test_what_cannot_be_kept_is_invalid_and_paid_for(adapter: str, text: str) -> None:
    # By hand: json.dumps keeps half a surrogate pair as its escape, as a vendor does whose model wrote one.
    def say(_asked: Asked) -> Said:
        return Said(text=text.encode("utf-8", "replace").decode(), input_tokens=500, output_tokens=9)

    async with wire_server(answers={MODELS[adapter]: say}) as wire, vendor(adapter, wire.url) as opened:
        with pytest.raises(AnswerInvalid) as raised:
            await opened.ask(question(adapter))
    assert raised.value.usage == Usage(500, 9)


@pytest.mark.parametrize("adapter", [name for name in ADAPTERS if name != "ollama"])  # it stops at num_predict
async def test_200_kilobytes_are_refused_even_where_they_are_valid(adapter: str) -> None:
    long = {**GOOD, "note": "x" * 200_000}
    async with wire_server(answers={MODELS[adapter]: long}) as wire, vendor(adapter, wire.url) as opened:
        with pytest.raises(AnswerInvalid, match="longer than"):
            await opened.ask(question(adapter))


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_a_body_without_end_is_not_read_to_its_end(adapter: str) -> None:
    endless = Said(json.dumps(GOOD), extra={"more": "x" * 9_000_000})
    async with wire_server(answers={MODELS[adapter]: endless}) as wire, vendor(adapter, wire.url) as opened:
        with pytest.raises(VendorFailed, match="more than"):
            await opened.ask(question(adapter))


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_an_answer_without_usage_says_that_nobody_knows(adapter: str) -> None:
    async with wire_server(answers={MODELS[adapter]: GOOD}) as wire, vendor(adapter, wire.url) as opened:
        wire.fail(on_wire(adapter), "usage_missing")
        answer = await opened.ask(question(adapter))
    assert answer.usage is None


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("failure", ["other_model", "extra_fields", "fenced"])
async def test_what_is_odd_and_harmless_is_taken(adapter: str, failure: str) -> None:
    async with wire_server(answers={MODELS[adapter]: GOOD}) as wire, vendor(adapter, wire.url) as opened:
        wire.fail(on_wire(adapter), failure)
        answer = await opened.ask(question(adapter))
    assert answer.value == EXPECTED
    assert answer.model == MODELS[adapter] + ("-2026-11-01" if failure == "other_model" else "")


@pytest.mark.parametrize("adapter", [name for name in ADAPTERS if name != "ollama"])
async def test_tokens_from_and_into_the_cache_are_among_those_read(adapter: str) -> None:
    # 1,000 read in all: 600 from the cache, 250 into it where the vendor says so, the rest afresh.
    written = 250 if adapter != "compatible" else 0
    said = Said(json.dumps(GOOD), input_tokens=1_000, output_tokens=20, cached_tokens=600, cache_write_tokens=written)
    async with wire_server(answers={MODELS[adapter]: said}) as wire, vendor(adapter, wire.url) as opened:
        answer = await opened.ask(question(adapter))
    assert answer.usage == Usage(1_000, 20, 600, written)


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_twenty_questions_at_once_each_get_their_own_answer(adapter: str) -> None:
    def echo(asked: Asked) -> Any:
        return {**GOOD, "note": asked.user}

    async with wire_server(answers={MODELS[adapter]: echo}) as wire, vendor(adapter, wire.url) as opened:
        prompts = [msgspec.structs.replace(PROMPT, user=f"text {number}") for number in range(20)]
        answers = await asyncio.gather(*(opened.ask(question(adapter, prompt=prompt)) for prompt in prompts))
        assert len(wire.requests) == 20
    assert [answer.value.note for answer in answers] == [prompt.user for prompt in prompts]


@pytest.mark.parametrize("adapter", EMBEDS)
async def test_vectors_come_in_the_order_of_the_texts_with_their_usage(adapter: str) -> None:
    async with wire_server() as wire, vendor(adapter, wire.url) as opened:
        both = await opened.embed(EMBEDS[adapter], ["retry with backoff", "rename a file"], timeout_s=5)
        one = await opened.embed(EMBEDS[adapter], ["rename a file"], timeout_s=5)
    assert both.vectors[1] == pytest.approx(one.vectors[0])
    assert both.vectors[0] != both.vectors[1]
    assert both.usage is not None
    assert (both.usage.input_tokens > 0, both.usage.output_tokens) == (True, 0)


async def test_anthropic_makes_no_vectors_and_says_so_without_asking() -> None:
    async with wire_server() as wire, vendor("anthropic", wire.url) as opened:
        with pytest.raises(RequestRefused) as raised:
            await opened.embed("claude-haiku-5-5", ["a"], timeout_s=5)
        assert wire.requests == []
    assert raised.value.usage == Usage()


async def test_an_ollama_is_told_how_much_to_read_and_write_and_not_to_think_aloud() -> None:
    async with wire_server(answers={"qwen3:8b": GOOD}) as wire, vendor("ollama", wire.url) as opened:
        await opened.ask(question("ollama", context_tokens=16_384))
        sent = wire.requests[0].body
    assert sent["options"] == {"num_ctx": 16_384, "num_predict": 1_000, "temperature": 0.0}
    assert (sent["think"], sent["stream"], sent["keep_alive"]) == (False, False, "10m")


async def test_openai_keeps_nothing_and_holds_itself_to_the_schema() -> None:
    async with wire_server(answers={"gpt-6-luna": GOOD}) as wire, vendor("openai", wire.url) as opened:
        await opened.ask(question("openai"))
        sent = wire.requests[0].body
    assert sent["store"] is False
    assert (sent["text"]["format"]["strict"], sent["max_output_tokens"]) == (True, 1_000)


@pytest.mark.parametrize(
    ("adapter", "tier"), [("openai", "default"), ("anthropic", "standard_only"), ("compatible responses", None)]
)
async def test_a_vendor_is_held_to_the_tier_whose_prices_are_reserved_by(adapter: str, tier: str | None) -> None:
    async with wire_server() as wire, vendor(adapter, wire.url) as opened:
        assert msgspec.json.decode(opened.body(question(adapter))).get("service_tier") == tier


async def test_a_long_system_prompt_is_cached_at_anthropic_and_a_short_one_is_not() -> None:
    long = msgspec.structs.replace(PROMPT, system="Say what recurs. " * 1_000)
    async with wire_server(answers={"claude-haiku-5-5": GOOD}) as wire, vendor("anthropic", wire.url) as opened:
        await opened.ask(question("anthropic", prompt=long))
        await opened.ask(question("anthropic"))
        systems = [request.body["system"] for request in wire.requests]
    assert systems[0][0]["cache_control"] == {"type": "ephemeral"}
    assert systems[1] == PROMPT.system


def test_anthropics_own_rewriting_finds_nothing_left_to_do_in_the_schema() -> None:
    assert anthropic.transform_schema(vendor_schema(Found))["required"] == vendor_schema(Found)["required"]


@pytest.mark.parametrize("adapter", ["anthropic", "openai"])
async def test_the_key_goes_to_the_vendor_and_shows_nowhere_else(adapter: str) -> None:
    async with wire_server(answers={MODELS[adapter]: GOOD}) as wire, vendor(adapter, wire.url) as opened:
        await opened.ask(question(adapter))
        assert any(SECRET in value for value in wire.requests[0].headers.values())
        assert SECRET not in f"{opened!r} {opened}"
        assert SECRET.encode() not in opened.body(question(adapter))


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_what_a_vendor_offers_is_read(adapter: str) -> None:
    async with wire_server() as wire, vendor(adapter, wire.url) as opened:
        offered = {one.name: one for one in await opened.offered(timeout_s=5)}
    assert MODELS[adapter] in offered
    if adapter == "ollama":
        assert offered["gpt-oss:120b-cloud"].remote_host == "https://ollama.com:443"
        assert offered["qwen3:8b"].context_tokens == 40_960
        assert offered["nomic-embed-text:latest"].capabilities == {"embedding"}
    if adapter == "anthropic":
        assert offered["claude-haiku-5-5"].context_tokens == 1_000_000


async def test_ollamas_own_key_goes_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", SECRET)
    async with wire_server(answers={"qwen3:8b": GOOD}) as wire, vendor("ollama", wire.url) as opened:
        await opened.ask(question("ollama"))
        assert not any(SECRET in value for value in wire.requests[0].headers.values())


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_an_address_that_sends_on_is_not_followed(adapter: str) -> None:
    async def send_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 307 x\r\nlocation: {wire.url}/ollama/api/chat\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with wire_server(answers={MODELS[adapter]: GOOD}) as wire:
        server = await asyncio.start_server(send_on, "127.0.0.1", 0)
        async with server, vendor(adapter, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as opened:
            with pytest.raises(VendorFailed):
                await opened.ask(question(adapter))
        assert wire.requests == []


async def test_a_proxy_of_the_environment_sees_nothing_that_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    for adapter in ("ollama", "compatible"):
        async with wire_server(answers={MODELS[adapter]: GOOD}) as wire, vendor(adapter, wire.url) as opened:
            assert (await opened.ask(question(adapter))).value == EXPECTED


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_a_name_of_the_model_that_no_database_holds_is_made_fit(adapter: str) -> None:
    said = Said(json.dumps(GOOD), extra={"model": "m" * 1_000})
    async with wire_server(answers={MODELS[adapter]: said}) as wire, vendor(adapter, wire.url) as opened:
        assert (await opened.ask(question(adapter))).model == "m" * 200


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_nothing_of_the_environment_goes_along(adapter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = "OPENAI_API_KEY OPENAI_ADMIN_KEY ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN OLLAMA_API_KEY"
    for name in (*keys.split(), "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "ANTHROPIC_PROFILE"):
        monkeypatch.setenv(name, "of-somebody-else")
    for name in ("OPENAI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS"):
        monkeypatch.setenv(
            name, "\n".join(f"{header}: of-somebody-else" for header in ("Authorization", "x-api-key", "x-more"))
        )
    async with wire_server(answers={MODELS[adapter]: GOOD}) as wire, vendor(adapter, wire.url) as opened:
        await opened.ask(question(adapter))
        assert not any("of-somebody-else" in value for value in wire.requests[0].headers.values())
