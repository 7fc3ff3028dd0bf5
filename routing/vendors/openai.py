"""OpenAI and servers that speak its API, by settings alone, through its SDK, which is imported with this module."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx2
import msgspec
import openai

from routing.errors import (
    AnswerInvalid,
    AnswerRefused,
    AnswerTruncated,
    OutOfCredit,
    VendorError,
    VendorFailed,
    VendorRateLimited,
)
from routing.price import Usage
from routing.vendors import sdk
from routing.vendors.base import Answer, Offered, Question, Vectors
from routing.vendors.said import answered_by, read, usage_of, without_surrogates, word
from routing.vendors.schema import validated, vendor_schema
from routing.vendors.vectors import check_vectors

URL = "https://api.openai.com/v1"

_FAILED: Mapping[str, type[VendorError]] = {
    "rate_limit_exceeded": VendorRateLimited,
    "insufficient_quota": OutOfCredit,
}
"""Codes of a response that failed with status 200."""


class _Details(msgspec.Struct):
    cached_tokens: object = None
    cache_write_tokens: object = None


class _Usage(msgspec.Struct):
    """Responses say input_tokens, chat says prompt_tokens; either includes what came from the cache."""

    input_tokens: object = None
    output_tokens: object = None
    input_tokens_details: _Details | None = None
    prompt_tokens: object = None
    completion_tokens: object = None
    prompt_tokens_details: _Details | None = None


class _Used(msgspec.Struct):
    usage: _Usage | None = None


class _Part(msgspec.Struct):
    type: str = ""
    text: str | None = None


class _Item(msgspec.Struct):
    type: str = ""
    content: list[_Part] | None = None


class _Reason(msgspec.Struct):
    reason: str | None = None


class _Failure(msgspec.Struct):
    code: object = None


class _Response(msgspec.Struct):
    output: list[_Item]
    status: str | None = None
    model: str = ""
    incomplete_details: _Reason | None = None
    error: _Failure | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Chat(msgspec.Struct):
    choices: list[_Choice]
    model: str = ""


class _Embedded(msgspec.Struct):
    embedding: list[float]
    index: int


class _Embeddings(msgspec.Struct):
    data: list[_Embedded]
    model: str = ""


class _Meta(msgspec.Struct):
    n_ctx_train: int | None = None


class _Listed(msgspec.Struct):
    """vLLM says max_model_len; llama.cpp says meta.n_ctx_train; LM Studio says max_context_length; OpenAI nothing."""

    id: str
    max_model_len: int | None = None
    max_context_length: int | None = None
    meta: _Meta | None = None


class _List(msgspec.Struct):
    data: list[_Listed]


class OpenAI:
    """Any number of tasks may use one. The key is held by the SDK's client alone.

    `api`: which of the two interfaces is asked; most compatible servers honour answer schemas on chat only. `proxies`
    as in sdk.http_client.
    """

    def __init__(
        self,
        key: str | None,
        url: str | None = None,
        *,
        name: str = "openai",
        api: Literal["chat", "responses"] = "responses",
        proxies: bool = True,
    ) -> None:
        self.name = name
        self.host = urlsplit(url or URL).netloc.rpartition("@")[2]
        self._api = api
        self._client = openai.AsyncOpenAI(
            api_key=key or "none",  # the SDK insists on one; servers that want none ignore it
            base_url=url or URL,
            max_retries=0,
            http_client=sdk.http_client(proxies=proxies),
        )
        sdk.without_environment(self._client)
        self._client.organization = self._client.project = None  # of the environment too
        sdk.quiet("openai", "httpx2")

    def __repr__(self) -> str:
        return f"OpenAI({self.name}, {self.host})"

    def body(self, question: Question) -> bytes:
        """As Vendor.body."""
        return msgspec.json.encode(self._request(question))

    async def ask(self, question: Question) -> Answer:
        """As Vendor.ask."""
        path, reading = ("/responses", _of_response) if self._api == "responses" else ("/chat/completions", _of_chat)
        return reading(self.name, await self._posted(path, self.body(question), question.timeout_s), question)

    async def embed(self, model: str, texts: Sequence[str], *, timeout_s: float) -> Vectors:
        """As Vendor.embed."""
        asked = {
            "model": model,
            "input": [without_surrogates(text) for text in texts],
            "encoding_format": "float",
        }
        body = await self._posted("/embeddings", msgspec.json.encode(asked), timeout_s)
        usage, said = _usage(body, embedding=True), read(body, _Embeddings)
        in_order = sorted(said.data, key=lambda each: each.index) if said is not None else []
        if said is None or [each.index for each in in_order] != list(range(len(texts))):
            raise VendorFailed(f"{self.name} did not answer with one vector a text", usage=usage)
        vectors = [each.embedding for each in in_order]
        check_vectors(vectors, len(texts), vendor=self.name, usage=usage)
        return Vectors(vectors, usage, answered_by(said.model, model))

    async def offered(self, *, timeout_s: float) -> Sequence[Offered]:
        """As Vendor.offered."""
        call = self._client.get("/models", cast_to=httpx2.Response, options={"timeout": sdk.timeout(timeout_s)})
        said = read(await self._heard(call, timeout_s), _List)
        if said is None:
            raise VendorFailed(f"{self.name} did not answer with a list of models")
        return [Offered(model.id, context_tokens=_room(model)) for model in said.data]

    async def close(self) -> None:
        """As Vendor.close."""
        await self._client.close()

    def _request(self, question: Question) -> dict[str, Any]:
        prompt = question.prompt
        system, user = without_surrogates(prompt.system), without_surrogates(prompt.user)
        wanted = {"name": prompt.name, "schema": vendor_schema(prompt.answer), "strict": True}
        if self._api == "responses":
            # Else a setting at OpenAI decides, and a call in a dearer tier would cost more than was reserved.
            tier = {"service_tier": "default"} if self.name == "openai" else {}
            return {
                "model": question.model,
                **tier,
                "input": user,
                "instructions": system,
                "max_output_tokens": prompt.max_output_tokens,
                "store": False,
                "text": {"format": {"type": "json_schema", **wanted}},
            }
        return {
            "model": question.model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
            "max_tokens": prompt.max_output_tokens,
            "response_format": {"type": "json_schema", "json_schema": wanted},
            "temperature": 0,
        }

    async def _posted(self, path: str, body: bytes, timeout_s: float) -> bytes:
        options = sdk.sent_as_is(timeout_s)
        call = self._client.post(path, cast_to=httpx2.Response, content=body, options=options)
        return await self._heard(call, timeout_s)

    async def _heard(self, call: Awaitable[httpx2.Response], timeout_s: float) -> bytes:
        return await sdk.heard(self.name, call, status_error=openai.APIStatusError, timeout_s=timeout_s, usage=_usage)


def _room(model: _Listed) -> int | None:
    known = (model.max_model_len, model.max_context_length, model.meta.n_ctx_train if model.meta else None)
    return next((tokens for tokens in known if tokens), None)


def _usage(body: bytes, *, embedding: bool = False) -> Usage | None:
    used = read(body, _Used)
    if used is None or used.usage is None:
        return None
    said = used.usage
    details = said.input_tokens_details or said.prompt_tokens_details or _Details()
    written = said.output_tokens if said.output_tokens is not None else said.completion_tokens
    return usage_of(
        said.input_tokens if said.input_tokens is not None else said.prompt_tokens,
        0 if embedding and written is None else written,
        cache_read=details.cached_tokens,
        cache_write=details.cache_write_tokens,
    )


def _of_response(vendor: str, body: bytes, question: Question) -> Answer:
    usage, said = _usage(body), read(body, _Response)
    if said is None:
        raise VendorFailed(f"{vendor} answered with something that is no response", usage=usage)
    model = answered_by(said.model, question.model)
    if said.status == "incomplete":
        raise _ended(said.incomplete_details.reason if said.incomplete_details else None, usage, model)
    if said.status in {"failed", "cancelled"} or said.error is not None:
        code = word(said.error.code) if said.error else ""
        failed = _FAILED.get(code, VendorFailed)
        raise failed(f"{vendor} failed to answer{f': {code}' if code else ''}", usage=usage, model=model)
    if said.status not in {"completed", None}:
        raise AnswerInvalid("the model stopped before it answered", usage=usage, model=model)
    parts = [part for item in said.output if item.type == "message" for part in item.content or ()]
    if any(part.type == "refusal" for part in parts):
        raise AnswerRefused("the model declined to answer", usage=usage, model=model)
    text = "".join(part.text or "" for part in parts if part.type == "output_text")
    return Answer(validated(text, question.prompt, usage=usage, model=model), usage, model)


def _of_chat(vendor: str, body: bytes, question: Question) -> Answer:
    usage, said = _usage(body), read(body, _Chat)
    if said is None or not said.choices:
        raise VendorFailed(f"{vendor} answered with something that is no completion", usage=usage)
    model, choice = answered_by(said.model, question.model), said.choices[0]
    if choice.message.refusal:
        raise AnswerRefused("the model declined to answer", usage=usage, model=model)
    if choice.finish_reason in {"length", "content_filter"}:
        raise _ended(choice.finish_reason, usage, model)
    if choice.finish_reason in {"tool_calls", "function_call"}:
        raise AnswerInvalid("the model stopped before it answered", usage=usage, model=model)
    text = choice.message.content or ""
    return Answer(validated(text, question.prompt, usage=usage, model=model), usage, model)


def _ended(reason: str | None, usage: Usage | None, model: str) -> VendorError:
    if reason == "content_filter":
        return AnswerRefused("the vendor's filter held the answer back", usage=usage, model=model)
    return AnswerTruncated("the answer was cut at the longest output", usage=usage, model=model)
