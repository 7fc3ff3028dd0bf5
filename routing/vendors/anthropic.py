"""Anthropic's Messages API through its SDK, which is imported with this module: open it only where there is a key."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import anthropic
import httpx2
import msgspec

from routing.errors import (
    AnswerInvalid,
    AnswerRefused,
    AnswerTruncated,
    RequestRefused,
    VendorFailed,
)
from routing.price import Usage
from routing.vendors import sdk
from routing.vendors.base import Answer, Offered, Question, Vectors
from routing.vendors.said import answered_by, read, usage_of, without_surrogates
from routing.vendors.schema import validated, vendor_schema

URL = "https://api.anthropic.com"
CACHED_FROM_BYTES = 16_384
"""System prompts from about 4,096 tokens on are cached: below, the vendor caches nothing."""


class _Used(msgspec.Struct):
    usage: Mapping[str, object] | None = None


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None


class _Message(msgspec.Struct):
    content: list[_Block]
    stop_reason: str | None = None
    model: str = ""


class _Listed(msgspec.Struct):
    id: str
    max_input_tokens: int | None = None
    max_tokens: int | None = None
    lifecycle: str = "active"


class _List(msgspec.Struct):
    data: list[_Listed]


class Anthropic:
    """Any number of tasks may use one. The key is held by the SDK's client alone."""

    name = "anthropic"

    def __init__(self, key: str, url: str | None = None) -> None:
        self.host = urlsplit(url or URL).netloc.rpartition("@")[2]
        self._client = anthropic.AsyncAnthropic(
            api_key=key,
            base_url=url or URL,
            max_retries=0,
            open_telemetry=False,
            http_client=sdk.http_client(proxies=True),
        )
        sdk.without_environment(self._client)
        sdk.quiet("anthropic", "httpx2")

    def __repr__(self) -> str:
        return f"Anthropic({self.host})"

    def body(self, question: Question) -> bytes:
        """As Vendor.body."""
        return msgspec.json.encode(_request(question))

    async def ask(self, question: Question) -> Answer:
        """As Vendor.ask."""
        options = sdk.sent_as_is(question.timeout_s)
        body = self.body(question)
        call = self._client.post("/v1/messages", cast_to=httpx2.Response, content=body, options=options)
        return _answer(await self._heard(call, question.timeout_s), question)

    async def embed(self, model: str, texts: Sequence[str], *, timeout_s: float) -> Vectors:
        """Always refused: Anthropic has no embeddings."""
        raise RequestRefused(f"anthropic/{model} makes no vectors", usage=Usage())

    async def offered(self, *, timeout_s: float) -> Sequence[Offered]:
        """As Vendor.offered; retired models are not."""
        options = {"params": {"limit": 1000}, "timeout": sdk.timeout(timeout_s)}
        call = self._client.get("/v1/models", cast_to=httpx2.Response, options=cast(Any, options))
        said = read(await self._heard(call, timeout_s), _List)
        if said is None:
            raise VendorFailed("anthropic did not answer with a list of models")
        return [
            Offered(model.id, context_tokens=model.max_input_tokens, max_output_tokens=model.max_tokens)
            for model in said.data
            if model.lifecycle != "retired"
        ]

    async def close(self) -> None:
        """As Vendor.close."""
        await self._client.close()

    async def _heard(self, call: Awaitable[httpx2.Response], timeout_s: float) -> bytes:
        return await sdk.heard(
            self.name, call, status_error=anthropic.APIStatusError, timeout_s=timeout_s, usage=_usage
        )


def _request(question: Question) -> dict[str, Any]:
    prompt = question.prompt
    system: Any = without_surrogates(prompt.system)
    if len(system) >= CACHED_FROM_BYTES:  # the same from task to task: read again within minutes at a tenth
        system = [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]
    return {
        "max_tokens": prompt.max_output_tokens,
        "messages": [{"role": "user", "content": without_surrogates(prompt.user)}],
        "model": question.model,
        "output_config": {"format": {"type": "json_schema", "schema": vendor_schema(prompt.answer)}},
        "service_tier": "standard_only",  # the prices that are reserved by
        "system": system,
    }


def _usage(body: bytes) -> Usage | None:
    used = read(body, _Used)
    if used is None or used.usage is None:
        return None
    said = used.usage
    fresh = usage_of(said.get("input_tokens"), said.get("output_tokens"))
    from_cache = usage_of(said.get("cache_read_input_tokens") or 0, said.get("cache_creation_input_tokens") or 0)
    if fresh is None or from_cache is None:
        return None
    read_tokens, write_tokens = from_cache.input_tokens, from_cache.output_tokens
    # input_tokens leaves out what was read from the cache and written into it.
    return Usage(fresh.input_tokens + read_tokens + write_tokens, fresh.output_tokens, read_tokens, write_tokens)


def _answer(body: bytes, question: Question) -> Answer:
    usage = _usage(body)
    said = read(body, _Message)
    if said is None:
        raise VendorFailed("anthropic answered with something that is no message", usage=usage)
    model = answered_by(said.model, question.model)
    match said.stop_reason:
        case "refusal":
            raise AnswerRefused("the model declined to answer", usage=usage, model=model)
        case "max_tokens":
            raise AnswerTruncated("the answer was cut at the longest output", usage=usage, model=model)
        case "model_context_window_exceeded":
            raise AnswerTruncated("the answer was cut where the model's window ended", usage=usage, model=model)
        case "tool_use" | "pause_turn":
            raise AnswerInvalid("the model stopped before it answered", usage=usage, model=model)
        case _:
            text = "".join(block.text or "" for block in said.content if block.type == "text")
            return Answer(validated(text, question.prompt, usage=usage, model=model), usage, model)
