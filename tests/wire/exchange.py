"""What goes over the wire in words that are the same for every vendor: a request, what was asked, what is said."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec

Operation = Literal["chat", "responses", "messages", "completions", "embed", "count", "list", "other"]
Stop = Literal["stop", "length", "refusal", "pause", "context", "filter"]


class Request(msgspec.Struct):
    """One HTTP request as it came. Header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Asked(msgspec.Struct):
    """What a vendor was asked for. `number`: how many times this model was asked before, in this server's life."""

    vendor: str
    operation: Operation
    model: str
    body: Mapping[str, Any]
    system: str = ""
    user: str = ""
    schema: Mapping[str, Any] | None = None
    strict: bool = False
    stream: bool = False
    most_output_tokens: int | None = None
    room_tokens: int | None = None
    texts: Sequence[str] = ()
    key: str = ""
    number: int = 0


class Said(msgspec.Struct):
    """What a model says to it. Tokens that are None are counted from the bodies.

    `input_tokens` are all that were read, those from and into the cache among them; `read_tokens` of an Ollama that
    cut the prompt. `usage` False: the vendor does not tell, though it charges. `model`: the one that answered.
    """

    text: str = ""
    vectors: Sequence[Sequence[float]] = ()
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    stop: Stop = "stop"
    usage: bool = True
    model: str = ""
    extra: Mapping[str, Any] = {}


class Reply(msgspec.Struct):
    """What goes back. `cut_after`: bytes of the body after which the connection is cut; 0 cuts before the first word.

    `chunks`: a stream instead of a body. `silent`: nothing ever comes. `hold`: comes when the server is told to let go.
    `ended` is told once whether all of it was delivered.
    """

    status: int = 200
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = ()
    content_type: str = "application/json"
    wait_s: float = 0.0
    chunks: Sequence[bytes] | None = None
    cut_after: int | None = None
    silent: bool = False
    hold: bool = False
    ended: Callable[[bool], None] | None = None


class Refused(Exception):
    """The vendor's server says no. `kind`: a row of failures.STATUSES; `message` replaces that row's own."""

    def __init__(self, kind: str, message: str = "", *, param: str | None = None) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message
        self.param = param


def count_tokens(text: str) -> int:
    """Tokens of a text, as everybody estimates them: one for four bytes of UTF-8, rounded up."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // 4)
