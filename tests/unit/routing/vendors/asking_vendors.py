"""The adapters as the tests ask them: one question, one answer, and a way to each vendor of the wire."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Literal

import msgspec

from routing.task import Prompt
from routing.vendors.anthropic import Anthropic
from routing.vendors.base import Question, Vendor
from routing.vendors.ollama import Ollama
from routing.vendors.openai import OpenAI

SECRET = "sk-hush-4d1c"


class Quoted(msgspec.Struct, frozen=True):
    """One quote with its place."""

    text: Annotated[str, msgspec.Meta(max_length=400, description="word for word")]
    place: Annotated[int, msgspec.Meta(ge=0)] = 0


class Found(msgspec.Struct, frozen=True):
    """What is asked for: a bound, a default, a choice, a struct within."""

    quotes: Annotated[list[Quoted], msgspec.Meta(max_length=8)]
    kind: Literal["good", "bad"] = "good"
    note: str | None = None


GOOD = {"quotes": [{"text": "retries with a growing pause", "place": 3}], "kind": "good", "note": None}
PROMPT = Prompt(
    name="found",
    system="Say which habits of engineering the text shows. Quote it word for word.",
    user="The change retries with a growing pause, and gives up after five tries. " * 20,
    answer=Found,
    max_output_tokens=1_000,
)
MODELS = {
    "ollama": "qwen3:8b",
    "anthropic": "claude-haiku-5-5",
    "openai": "gpt-6-luna",
    "compatible": "qwen3-8b-instruct",
    "compatible responses": "qwen3-8b-instruct",
}
EMBEDS = {"ollama": "nomic-embed-text", "openai": "text-embedding-3-small", "compatible": "bge-m3"}

_OPEN: dict[str, Callable[[str, str], Vendor]] = {
    "ollama": lambda url, _key: Ollama(f"{url}/ollama"),
    "anthropic": lambda url, key: Anthropic(key, f"{url}/anthropic"),
    "openai": lambda url, key: OpenAI(key, f"{url}/openai/v1"),
    "compatible": lambda url, _key: OpenAI(None, f"{url}/compatible/v1", name="compatible", api="chat", proxies=False),
    "compatible responses": lambda url, _key: OpenAI(
        None, f"{url}/compatible/v1", name="compatible", api="responses", proxies=False
    ),
}
ADAPTERS = tuple(_OPEN)


@asynccontextmanager
async def vendor(adapter: str, url: str, key: str = SECRET) -> AsyncIterator[Vendor]:
    """An adapter, open, on this wire."""
    opened = _OPEN[adapter](url, key)
    try:
        yield opened
    finally:
        await opened.close()


def question(adapter: str, *, timeout_s: float = 5.0, context_tokens: int = 8_192, prompt: Prompt = PROMPT) -> Question:
    """The question, for the adapter's model."""
    return Question(MODELS[adapter], prompt, context_tokens, timeout_s)


def on_wire(adapter: str) -> str:
    """The name of the vendor that an adapter asks, as the wire calls it."""
    return adapter.partition(" ")[0]
