"""The models that the vendors of the wire offer, and what one of them says when nobody told it what to say."""

import json
import math
import re
import zlib
from collections.abc import Sequence

import msgspec

from wire.exchange import Asked, Said
from wire.schema import smallest


class Offer(msgspec.Struct, frozen=True):
    """A model on offer. `remote_host`: where an Ollama hands it on to, empty for one that runs at home."""

    vendor: str
    name: str
    context_tokens: int = 200_000
    most_output_tokens: int = 64_000
    dimensions: int = 384
    size_bytes: int = 2_019_393_189
    family: str = "llama"
    parameters: str = "3.2B"
    capabilities: frozenset[str] = frozenset({"completion"})
    remote_host: str = ""
    remote_model: str = ""


_EMBEDS = frozenset({"embedding"})

OFFERS: tuple[Offer, ...] = (
    Offer("ollama", "llama3.2:latest", 131_072, 8_192, 3_072, capabilities=frozenset({"completion", "tools"})),
    Offer(
        "ollama",
        "qwen3:8b",
        40_960,
        8_192,
        4_096,
        5_225_388_164,
        "qwen3",
        "8.2B",
        frozenset({"completion", "thinking"}),
    ),
    Offer("ollama", "nomic-embed-text:latest", 2_048, 0, 768, 274_302_450, "nomic-bert", "137M", _EMBEDS),
    Offer(
        "ollama",
        "gpt-oss:120b-cloud",
        131_072,
        32_768,
        2_880,
        family="gptoss",
        parameters="116.8B",
        capabilities=frozenset({"completion", "thinking", "tools"}),
        remote_host="https://ollama.com:443",
        remote_model="gpt-oss:120b",
    ),
    Offer("anthropic", "claude-haiku-5-5", 1_000_000),
    Offer("anthropic", "claude-sonnet-5-5", 1_000_000),
    Offer("anthropic", "claude-opus-5-5", 1_000_000),
    Offer("openai", "gpt-6-luna", 1_050_000, 128_000),
    Offer("openai", "gpt-6.1-terra", 1_050_000, 128_000),
    Offer("openai", "gpt-6.1-sol", 1_050_000, 128_000),
    Offer("openai", "text-embedding-3-small", 8_192, 0, 1_536, capabilities=_EMBEDS),
    Offer("openai", "text-embedding-3-large", 8_192, 0, 3_072, capabilities=_EMBEDS),
    Offer("compatible", "qwen3-8b-instruct", 32_768, 8_192),
    Offer("compatible", "bge-m3", 8_192, 0, 1_024, capabilities=_EMBEDS),
)


def say_least(asked: Asked, offer: Offer) -> Said:
    """The least that is valid: the smallest instance of the schema, a word without one, vectors for texts."""
    if asked.operation == "embed":
        size = asked.body.get("dimensions") or offer.dimensions
        return Said(vectors=[vector(text, size) for text in asked.texts])
    if asked.schema is not None:
        return Said(text=json.dumps(smallest(asked.schema)))
    return Said(text="{}" if asked.body.get("format") == "json" else "Understood.")


def vector(text: str, dimensions: int) -> Sequence[float]:
    """A unit vector of a text's words: texts that share words lie close, and the same text always lies in one place."""
    parts = [0.0] * dimensions
    for word in re.findall(r"\w+", text.lower()) or [""]:
        place = zlib.crc32(word.encode())
        parts[place % dimensions] += 1.0 if place & 0x8000_0000 else -1.0
    length = math.sqrt(sum(part * part for part in parts)) or 1.0
    return [part / length for part in parts]
