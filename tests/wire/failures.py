"""Every way in which a vendor's answer can be none, or none that can be used. Three tables, by name.

STATUSES: the server says no, in the vendor's own words. WAYS: something between here and there breaks. ANSWERS: the
model answered and is paid, and the answer is of no use.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from wire.exchange import Asked, Reply, Said, count_tokens


class Status(NamedTuple):
    """HTTP status with the vendor's words. `type` and `code` are unused where the vendor has no such field."""

    status: int
    message: str
    type: str = ""
    code: str | None = None


_OLLAMA_BUSY = Status(503, "server busy, please try again.  maximum pending requests exceeded")
_CREDIT = (
    "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase "
    "credits."
)
_QUOTA = "You exceeded your current quota, please check your plan and billing details."

STATUSES: dict[str, dict[str, Status]] = {
    "key_missing": {
        "ollama": Status(401, "unauthorized"),
        "anthropic": Status(401, "x-api-key header is required", "authentication_error"),
        "openai": Status(401, "You didn't provide an API key.", "invalid_request_error"),
    },
    "key_wrong": {
        "ollama": Status(401, "unauthorized"),
        "anthropic": Status(401, "invalid x-api-key", "authentication_error"),
        "openai": Status(401, "Incorrect API key provided: ****.", "invalid_request_error", "invalid_api_key"),
    },
    "forbidden": {
        "ollama": Status(403, "this model requires a subscription, upgrade for access"),
        "anthropic": Status(403, "Your API key does not have permission to use this resource.", "permission_error"),
        "openai": Status(403, "You have insufficient permissions for this operation.", "invalid_request_error"),
    },
    "model_missing": {
        "ollama": Status(404, "model '{model}' not found"),
        "anthropic": Status(404, "model: {model}", "not_found_error"),
        "openai": Status(
            404,
            "The model '{model}' does not exist or you do not have access to it.",
            "invalid_request_error",
            "model_not_found",
        ),
    },
    "path_missing": {
        "ollama": Status(404, "404 page not found"),
        "anthropic": Status(404, "Not found", "not_found_error"),
        "openai": Status(404, "Invalid URL", "invalid_request_error"),
    },
    "request_invalid": {
        "ollama": Status(400, "invalid request"),
        "anthropic": Status(400, "messages: Field required", "invalid_request_error"),
        "openai": Status(400, "Missing required parameter.", "invalid_request_error", "missing_required_parameter"),
    },
    "schema_refused": {
        "ollama": Status(400, "invalid JSON schema in format"),
        "anthropic": Status(400, "output_config.format.schema: Invalid schema", "invalid_request_error"),
        "openai": Status(400, "Invalid schema for response_format.", "invalid_request_error", "invalid_json_schema"),
    },
    "too_long": {
        "ollama": Status(400, "the input length exceeds the context length"),
        "anthropic": Status(400, "prompt is too long: 1000001 tokens > 1000000 maximum", "invalid_request_error"),
        "openai": Status(
            400,
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
            "invalid_request_error",
            "context_length_exceeded",
        ),
    },
    "too_large": {
        "ollama": Status(413, "request body too large"),
        "anthropic": Status(413, "Request exceeds the maximum size", "request_too_large"),
        "openai": Status(413, "Request too large.", "invalid_request_error", "request_too_large"),
    },
    "unprocessable": {
        "ollama": Status(422, "unprocessable"),
        "anthropic": Status(422, "Unprocessable", "invalid_request_error"),
        "openai": Status(422, "Unprocessable entity.", "invalid_request_error"),
    },
    "rate_limited": {
        "ollama": Status(429, "you've reached your hourly usage limit, please upgrade to continue"),
        "anthropic": Status(
            429, "This request would exceed your organization's rate limit of requests per minute.", "rate_limit_error"
        ),
        "openai": Status(429, "Rate limit reached for requests per min.", "requests", "rate_limit_exceeded"),
    },
    "out_of_credit": {
        "ollama": Status(402, "payment required"),
        "anthropic": Status(400, _CREDIT, "invalid_request_error"),
        "openai": Status(429, _QUOTA, "insufficient_quota", "insufficient_quota"),
    },
    "payment_required": {
        "ollama": Status(402, "payment required"),
        "anthropic": Status(402, _CREDIT, "billing_error"),
        "openai": Status(402, _QUOTA, "insufficient_quota", "billing_hard_limit_reached"),
    },
    "overloaded": {
        "ollama": _OLLAMA_BUSY,
        "anthropic": Status(529, "Overloaded", "overloaded_error"),
        "openai": Status(503, "The engine is currently overloaded, please try again later.", "server_error"),
    },
    "unavailable": {
        "ollama": _OLLAMA_BUSY,
        "anthropic": Status(503, "Service unavailable", "api_error"),
        "openai": Status(503, "Service unavailable.", "server_error"),
    },
    "server_error": {
        "ollama": Status(500, "llama runner process has terminated: signal: killed"),
        "anthropic": Status(500, "Internal server error", "api_error"),
        "openai": Status(500, "The server had an error while processing your request.", "server_error"),
    },
    "gateway_timeout": {
        "ollama": Status(504, "upstream timed out"),
        "anthropic": Status(504, "Request timed out", "timeout_error"),
        "openai": Status(504, "Gateway timeout.", "server_error"),
    },
}
"""No call that ends so is charged for."""

HTML = (
    b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Welcome to the guest network</h1></body></html>"
)


def _html(reply: Reply) -> None:
    reply.body, reply.content_type = HTML, "text/html; charset=utf-8"


def _html_error(reply: Reply) -> None:
    _html(reply)
    reply.status = 502


def _truncated_json(reply: Reply) -> None:
    reply.body = reply.body[: len(reply.body) // 2]


def _no_json(reply: Reply) -> None:
    reply.body = b"upstream said nothing that could be understood"


def _json_of_no_answer(reply: Reply) -> None:
    reply.body = b"[]"


def _cut(reply: Reply) -> None:
    sent = reply.body if reply.chunks is None else b"".join(reply.chunks)
    reply.cut_after = len(sent) // 2


def _cut_before(reply: Reply) -> None:
    reply.cut_after = 0


def _hang(reply: Reply) -> None:
    reply.silent = True


def _slow(reply: Reply) -> None:
    reply.wait_s = max(reply.wait_s, 30.0)


class Way(NamedTuple):
    """What breaks, and whether the model had answered by then, so that the vendor charges."""

    breaks: Callable[[Reply], None]
    charged: bool


WAYS: dict[str, Way] = {
    "html": Way(_html, charged=False),  # a proxy that wants a login: the vendor never saw it
    "html_error": Way(_html_error, charged=False),
    "truncated_json": Way(_truncated_json, charged=True),
    "no_json_body": Way(_no_json, charged=True),
    "empty_list_body": Way(_json_of_no_answer, charged=True),
    "cut": Way(_cut, charged=True),
    "cut_before": Way(_cut_before, charged=True),
    "hang": Way(_hang, charged=True),
    "slow": Way(_slow, charged=True),
}

LARGE = 200 * 1024


def _fenced(asked: Asked, said: Said) -> None:
    said.text = f"```json\n{said.text}\n```"


def _talks(asked: Asked, said: Said) -> None:
    said.text = f"Sure! Here is what I found:\n\n{said.text}\n\nLet me know if you need anything else."


def _prose(asked: Asked, said: Said) -> None:
    said.text = "The change retries with a growing pause, which is a good idea in general."


def _wrong_schema(asked: Asked, said: Said) -> None:
    said.text = '{"unexpected": ["nobody asked for this"]}'


def _huge(asked: Asked, said: Said) -> None:
    said.text = json.dumps(_grown(json.loads(said.text))) if said.text[:1] in {"{", "["} else said.text + "x" * LARGE
    said.text += " " * max(LARGE - len(said.text), 0)


def _grown(value: Any) -> Any:
    """The same with its first string made 200 KB long."""
    if isinstance(value, str):
        return value + "x" * LARGE
    if isinstance(value, list) and value:
        return [_grown(value[0]), *value[1:]]
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, str | list | dict) and inner not in ([], {}):
                return {**value, name: _grown(inner)}
    return value


def _length(asked: Asked, said: Said) -> None:
    said.text = said.text[: max(len(said.text) // 2, 1)]
    said.stop = "length"
    said.output_tokens = asked.most_output_tokens or count_tokens(said.text)


def _empty_length(asked: Asked, said: Said) -> None:
    _length(asked, said)
    said.text = ""
    said.reasoning_tokens = said.output_tokens or 0


def _refusal(asked: Asked, said: Said) -> None:
    said.text, said.stop = "I can't help with that request.", "refusal"


def _filtered(asked: Asked, said: Said) -> None:
    said.text, said.stop = "", "filter"


def _empty(asked: Asked, said: Said) -> None:
    said.text = ""


def _paused(asked: Asked, said: Said) -> None:
    said.text, said.stop = said.text[: len(said.text) // 2], "pause"


def _context(asked: Asked, said: Said) -> None:
    said.text, said.stop = said.text[: len(said.text) // 2], "context"


def _prompt_truncated(asked: Asked, said: Said) -> None:
    said.input_tokens = min(asked.room_tokens or 2048, max(count_tokens(asked.system + asked.user) // 4, 1))


def _usage_missing(asked: Asked, said: Said) -> None:
    said.usage = False


def _other_model(asked: Asked, said: Said) -> None:
    said.model = said.model or f"{asked.model}-2026-11-01"


def _extra_fields(asked: Asked, said: Said) -> None:
    said.extra = {"a_field_of_next_year": {"nobody": ["knows", 1, None]}, **said.extra}


ANSWERS: dict[str, Callable[[Asked, Said], None]] = {
    "fenced": _fenced,
    "talks": _talks,
    "not_json": _prose,
    "ignores_format": _prose,
    "wrong_schema": _wrong_schema,
    "huge": _huge,
    "length": _length,
    "empty_length": _empty_length,
    "refusal": _refusal,
    "filtered": _filtered,
    "empty": _empty,
    "pause_turn": _paused,
    "context_exceeded": _context,
    "prompt_truncated": _prompt_truncated,
    "usage_missing": _usage_missing,
    "other_model": _other_model,
    "extra_fields": _extra_fields,
}
"""All of these are charged for."""

STREAM = "stream_error"
"""The vendor reports an overload in the middle of a stream whose status was 200."""

NAMES = frozenset({*STATUSES, *WAYS, *ANSWERS, STREAM})
