"""What every vendor can be asked for, and what it answers."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from routing.price import Usage
from routing.task import Prompt


class Question(msgspec.Struct, frozen=True):
    """One prompt for one model, by its name at the vendor. `context_tokens`: what the model is to have room for."""

    model: str
    prompt: Prompt
    context_tokens: int
    timeout_s: float


class Answer(msgspec.Struct, frozen=True):
    """What a model said: `value` is an instance of the prompt's `answer`. `model`: the one that answered.

    `usage` None: the vendor said nothing of it, so that the worst case counts.
    """

    value: Any
    usage: Usage | None
    model: str


class Vectors(msgspec.Struct, frozen=True):
    """Embeddings, one a text, in order. `usage` as in Answer."""

    vectors: Sequence[Sequence[float]]
    usage: Usage | None
    model: str


class Offered(msgspec.Struct, frozen=True):
    """A model that a vendor says it has. `remote_host`: where an Ollama really has it run, if not at home."""

    name: str
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    remote_host: str | None = None
    size_bytes: int | None = None
    capabilities: frozenset[str] = frozenset()


TEMPLATE_TOKENS = 1_024
"""Room for what a vendor puts around a prompt: marks of roles, its own words on how to answer by a schema."""


def most_input_tokens(body: bytes) -> int:
    """No model reads more tokens than this of a request: the body's length in bytes, and TEMPLATE_TOKENS.

    Why it bounds them: every tokenizer in use falls back to bytes, so that a token stands for at least one byte of
    the text that it reads. All of that text is in the body, where JSON only makes it longer; what is not in the body
    is the vendor's own template, a few hundred tokens at most. Some write out compatibility characters first (NFKC: one
    Arabic ligature of three bytes becomes eighteen letters of 33), so the length is that of the text written out.
    """
    return max(len(body), _written_out(body)) + TEMPLATE_TOKENS


def _written_out(body: bytes) -> int:
    """Bytes of a text with each character written out for itself, which is never shorter than NFKC of the whole."""
    if body.isascii():
        return len(body)
    characters = Counter(body.decode("utf-8", "replace"))
    apart = {one: unicodedata.normalize("NFKD", one) for one in characters}
    # A mark of its own may go between a letter and the accent that it was one character with.
    marked = any(unicodedata.combining(written[0]) for written in apart.values())
    together = apart if marked else {one: unicodedata.normalize("NFKC", one) for one in characters}
    return sum(count * len(together[one].encode()) for one, count in characters.items())


class Vendor(Protocol):
    """One vendor's SDK behind our words. Any number of tasks may use it at once.

    `ask` and `embed` raise the VendorErrors of routing/errors.py and nothing else but CancelledError; they never try
    again by themselves and never take longer than they are given.
    """

    @property
    def name(self) -> str:
        """As in Model.vendor."""
        ...

    @property
    def host(self) -> str:
        """Host (and port) that requests go to."""
        ...

    def body(self, question: Question) -> bytes:
        """What `ask` would send, as JSON: its length bounds the tokens, its hash and length stand in the ledger."""
        ...

    async def ask(self, question: Question) -> Answer:
        """Have the model answer; always validated here, whatever the vendor promises."""
        ...

    async def embed(self, model: str, texts: Sequence[str], *, timeout_s: float) -> Vectors:
        """Turn texts into vectors."""
        ...

    async def offered(self, *, timeout_s: float) -> Sequence[Offered]:
        """The models that it has now."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...
