"""Ollama through its SDK, which is imported with this module. What it leaves out of an answer is read from the body."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import msgspec
import ollama

from routing.errors import (
    AnswerInvalid,
    AnswerTruncated,
    PromptTruncated,
    VendorError,
    VendorFailed,
    VendorTimeout,
    VendorUnreachable,
)
from routing.price import Usage
from routing.vendors.base import Answer, Offered, Question, Vectors
from routing.vendors.fit import read_usage, was_cut
from routing.vendors.refusals import refusal
from routing.vendors.said import MOST_BODY_BYTES, BodyTooLong, answered_by, bounded, read, without_surrogates
from routing.vendors.schema import validated, vendor_schema
from routing.vendors.vectors import check_vectors

KEEP_ALIVE = "10m"
"""How long the model stays loaded after a call: longer than the pause between two tasks of one run."""
CONNECT_S = 5.0
_CLOUD = "ollama.com"

_heard: ContextVar[list[httpx.Response]] = ContextVar("heard")


class _Bounded(httpx.AsyncBaseTransport):
    """Reads no endless body, and keeps the response where `_asked` finds it. Uses no proxy: the server is near."""

    def __init__(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=15.0)
        self._inner = httpx.AsyncHTTPTransport(limits=limits, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != _CLOUD:
            # The SDK adds OLLAMA_API_KEY of the environment, which is Ollama's own and nobody else's.
            request.headers.pop("authorization", None)
        response = await self._inner.handle_async_request(request)
        try:
            content = b"".join([piece async for piece in bounded(response.aiter_raw())])
        finally:
            await response.aclose()
        whole = httpx.Response(response.status_code, headers=response.headers, content=content, request=request)
        _heard.get().append(whole)
        return whole

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Message(msgspec.Struct):
    content: str | None = None


class _Chat(msgspec.Struct):
    message: _Message
    model: str = ""
    done: bool = True
    done_reason: str | None = None


class _Counts(msgspec.Struct):
    prompt_eval_count: int | None = None
    eval_count: int | None = None


class _Embeddings(msgspec.Struct):
    embeddings: list[list[float]]
    model: str = ""
    prompt_eval_count: int | None = None


class _Details(msgspec.Struct):
    context_length: int | None = None


class _Tag(msgspec.Struct):
    """As /api/tags lists a model. Newer servers say what /api/show says too."""

    model: str = ""
    name: str = ""
    size: int | None = None
    remote_host: str | None = None
    remote_model: str | None = None
    capabilities: list[str] | None = None
    details: _Details | None = None


class _Tags(msgspec.Struct):
    models: list[_Tag] | None = None


class _Shown(msgspec.Struct):
    model_info: Mapping[str, object] | None = None
    capabilities: list[str] | None = None
    remote_host: str | None = None
    remote_model: str | None = None


class Ollama:
    """Any number of tasks may use one."""

    name = "ollama"

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url if "//" in url else f"//{url}").netloc.rpartition("@")[2]
        self._client = ollama.AsyncClient(
            url,
            follow_redirects=False,  # it would carry the prompt elsewhere
            timeout=httpx.Timeout(None, connect=CONNECT_S),  # `_asked` bounds every call as a whole
            headers={"accept-encoding": "identity"},
            transport=_Bounded(),
        )
        self._at_home: set[str] = set()
        self._strayed: set[str] = set()

    def __repr__(self) -> str:
        return f"Ollama({self.host})"

    def body(self, question: Question) -> bytes:
        """As Vendor.body."""
        return msgspec.json.encode(_request(question))

    async def ask(self, question: Question) -> Answer:
        """As Vendor.ask."""
        self._check_at_home(question.model)
        call = cast(Any, self._client.chat(**_request(question)))  # pyright: ignore[reportUnknownMemberType]
        body = await self._asked(call, question.timeout_s)
        if question.model in self._at_home and (elsewhere := _remote(read(body, _Shown) or _Shown())):
            # Somebody put another model under the name since. It is said loudly, and asked no more.
            self._strayed.add(question.model)
            host = urlsplit(elsewhere).netloc or "its cloud"
            counts = read(body, _Counts) or _Counts()
            raise VendorFailed(
                f"ollama handed {question.model} on to {host}, which it did not before",
                usage=read_usage(counts.prompt_eval_count, counts.eval_count),
            )
        return _answer(body, question)

    async def embed(self, model: str, texts: Sequence[str], *, timeout_s: float) -> Vectors:
        """As Vendor.embed. What is too long for the model is refused, not cut."""
        self._check_at_home(model)
        given = [without_surrogates(text) for text in texts]
        body = await self._asked(self._client.embed(model, given, truncate=False, keep_alive=KEEP_ALIVE), timeout_s)
        said = read(body, _Embeddings)
        usage = read_usage(said.prompt_eval_count, 0) if said is not None else None
        if said is None:
            raise VendorFailed("ollama answered with something that is no vectors")
        check_vectors(said.embeddings, len(texts), vendor=self.name, usage=usage)
        return Vectors(said.embeddings, usage, answered_by(said.model, model))

    async def offered(self, *, timeout_s: float) -> Sequence[Offered]:
        """As Vendor.offered: what is installed, each with what the server says of it."""
        try:
            async with asyncio.timeout(timeout_s):
                said = read(await self._asked(self._client.list(), timeout_s), _Tags)
                if said is None:
                    raise VendorFailed("ollama did not answer with a list of models")
                known = await asyncio.gather(*(self._known(tag, timeout_s) for tag in said.models or ()))
        except TimeoutError:
            raise VendorTimeout(f"ollama did not answer within {timeout_s:g} s") from None
        there = [offered for offered in known if offered is not None]
        away = {one.name for one in there if one.remote_host is not None}
        self._strayed |= self._at_home & away
        self._at_home |= {one.name for one in there if "cloud" not in one.name} - away
        return there

    async def close(self) -> None:
        """As Vendor.close."""
        await self._client.close()

    def _check_at_home(self, model: str) -> None:
        """Send nothing to a model that ran at home once and is handed on now: whoever asks may still take it for local.

        It stays so until the process starts again, when nobody knows of it as a local one any more.
        """
        if model in self._strayed:
            raise VendorFailed(f"ollama hands {model} on, which it did not before; it is not asked", usage=Usage())

    async def _known(self, tag: _Tag, timeout_s: float) -> Offered | None:
        """All that is said of an installed model; None when the server will not say where it runs."""
        name = tag.model or tag.name
        context = tag.details.context_length if tag.details else None
        capabilities, remote = tag.capabilities, _remote(tag)
        if context is None or capabilities is None:
            try:
                shown = read(await self._asked(self._client.show(name), timeout_s), _Shown)
            except VendorError:
                shown = None
            if shown is None:
                return None
            context = context or _context_length(shown.model_info or {})
            capabilities = capabilities if capabilities is not None else shown.capabilities
            remote = remote or _remote(shown)
        return Offered(
            name,
            context_tokens=context,
            remote_host=remote,
            size_bytes=tag.size,
            capabilities=frozenset(capabilities or ()),
        )

    async def _asked(self, call: Awaitable[object], timeout_s: float) -> bytes:
        """The body of an answer with status 200. The SDK's own reading of it is not asked for its opinion."""
        heard: list[httpx.Response] = []
        token = _heard.set(heard)
        try:
            async with asyncio.timeout(timeout_s):
                await call
        except TimeoutError:
            raise VendorTimeout(f"ollama did not answer within {timeout_s:g} s") from None
        except Exception as error:
            if not heard:
                raise _lost(error, timeout_s) from None
        finally:
            _heard.reset(token)
        response = heard[-1]
        if response.status_code != 200:
            raise refusal(self.name, response.status_code, response.headers, response.content, None)
        return response.content


def _request(question: Question) -> dict[str, Any]:
    prompt = question.prompt
    # In the SDK's order: the ledger's hash is that of what was sent.
    return {
        "model": question.model,
        "stream": False,
        "options": {"num_ctx": question.context_tokens, "num_predict": prompt.max_output_tokens, "temperature": 0.0},
        "format": vendor_schema(prompt.answer),
        "keep_alive": KEEP_ALIVE,
        "messages": [
            {"role": "system", "content": without_surrogates(prompt.system)},
            {"role": "user", "content": without_surrogates(prompt.user)},
        ],
        "tools": [],
        "think": False,
    }


def _answer(body: bytes, question: Question) -> Answer:
    prompt, counts, said = question.prompt, read(body, _Counts) or _Counts(), read(body, _Chat)
    usage = read_usage(counts.prompt_eval_count, counts.eval_count)
    if said is None:
        raise VendorFailed("ollama answered with something that is no message", usage=usage)
    model = answered_by(said.model, question.model)
    if was_cut(f"{prompt.system}\n{prompt.user}", question.context_tokens, counts.prompt_eval_count, counts.eval_count):
        raise PromptTruncated(
            f"the prompt did not fit into {question.context_tokens} tokens, and was cut", usage=usage, model=model
        )
    if said.done_reason == "length":
        raise AnswerTruncated("the answer was cut at the longest output", usage=usage, model=model)
    if not said.done:
        raise AnswerInvalid("the model stopped before it answered", usage=usage, model=model)
    text = said.message.content or ""
    return Answer(validated(text, prompt, usage=usage, model=model), usage, model)


def _remote(said: _Tag | _Shown) -> str | None:
    return said.remote_host or said.remote_model


def _context_length(model_info: Mapping[str, object]) -> int | None:
    """Under a key that begins with the model's architecture: llama.context_length."""
    found = (value for key, value in model_info.items() if key.endswith(".context_length"))
    return next((value for value in found if isinstance(value, int)), None)


def _lost(error: Exception, timeout_s: float) -> VendorError:
    if isinstance(error, ConnectionError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol):
        return VendorUnreachable("ollama cannot be reached")
    if isinstance(error, httpx.TimeoutException):
        return VendorTimeout(f"ollama did not answer within {timeout_s:g} s")
    if isinstance(error, BodyTooLong):
        return VendorFailed(f"ollama answered with more than {MOST_BODY_BYTES} bytes")
    return VendorFailed(f"ollama ended the call without an answer ({type(error).__name__})")
