"""Anthropic's format: /v1/messages with output_config, /v1/messages/count_tokens, /v1/models."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from wire.exchange import Asked, Refused, Request, Said
from wire.failures import Status
from wire.models import Offer
from wire.schema import refuse_anthropic
from wire.tally import Tally

VENDOR = "anthropic"
STREAM_TYPE = "text/event-stream; charset=utf-8"

PATHS = {
    ("POST", "/v1/messages"): "messages",
    ("POST", "/v1/messages/count_tokens"): "count",
    ("GET", "/v1/models"): "list",
}

STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "refusal": "refusal",
    "filter": "refusal",
    "pause": "pause_turn",
    "context": "model_context_window_exceeded",
}


def key_of(headers: Mapping[str, str]) -> str | None:
    """The key in a request, None where there is none."""
    return headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ").strip() or None


def read(request: Request, path: str, body: Mapping[str, Any]) -> Asked:
    """What is asked for, or Refused."""
    if "anthropic-version" not in request.headers:
        raise Refused("request_invalid", "anthropic-version: header is required")
    counting = path.endswith("count_tokens")
    for field in ("model", "messages") if counting else ("model", "messages", "max_tokens"):
        if field not in body:
            raise Refused("request_invalid", f"{field}: Field required")
    messages = body["messages"]
    if not isinstance(messages, list) or not messages:
        raise Refused("request_invalid", "messages: at least one message is required")
    if any(message.get("role") not in {"user", "assistant"} for message in messages):
        raise Refused("request_invalid", "messages: Unexpected role. The Messages API accepts a top-level `system`.")
    asked = Asked(VENDOR, "count" if counting else "messages", body["model"], body)
    asked.system = _text(body.get("system", ""))
    asked.user = "\n".join(_text(message.get("content", "")) for message in messages)
    asked.most_output_tokens = body.get("max_tokens")
    asked.stream = bool(body.get("stream"))
    form = (body.get("output_config") or {}).get("format")
    if form:
        if form.get("type") != "json_schema" or not isinstance(form.get("schema"), Mapping):
            raise Refused("request_invalid", "output_config.format: Input should be of type 'json_schema'")
        reason = refuse_anthropic(form["schema"])
        if reason:
            raise Refused("schema_refused", reason)
        asked.schema, asked.strict = form["schema"], True
    return asked


def write(asked: Asked, said: Said, tally: Tally, offer: Offer) -> dict[str, Any]:
    """The whole answer as one object; its input_tokens leave out what went through the cache."""
    if asked.operation == "count":
        return {"input_tokens": tally.input_tokens}
    usage = {
        "input_tokens": tally.input_tokens - tally.cached_tokens - tally.cache_write_tokens,
        "cache_creation_input_tokens": tally.cache_write_tokens,
        "cache_read_input_tokens": tally.cached_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": tally.cache_write_tokens,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": tally.output_tokens,
        "output_tokens_details": {"thinking_tokens": tally.reasoning_tokens},
        "service_tier": "standard",
        "inference_geo": "not_available",
    }
    refused = said.stop in {"refusal", "filter"}
    return {
        "id": _id("msg_01"),
        "type": "message",
        "role": "assistant",
        "model": said.model or asked.model,
        "content": [{"type": "text", "text": said.text}] if said.text else [],
        "stop_reason": STOPS[said.stop],
        "stop_sequence": None,
        "stop_details": {"type": "refusal", "category": None, "explanation": None} if refused else None,
        "container": None,
        **({"usage": usage} if said.usage else {}),
        **said.extra,
    }


def stream(answer: Mapping[str, Any], *, broken: Status | None) -> Sequence[bytes]:
    """The same answer as server-sent events; `broken`: an error event in the middle of it."""
    usage = answer.get("usage", {"input_tokens": 0, "output_tokens": 0})
    text = "".join(block["text"] for block in answer["content"])
    half = len(text) // 2
    start = {**answer, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text[:half]}},
    ]
    if broken:
        events.append({"type": "error", "error": {"type": broken.type, "message": broken.message}})
    else:
        delta = {"stop_reason": answer["stop_reason"], "stop_sequence": None, "stop_details": answer["stop_details"]}
        events += [
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text[half:]}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": delta, "usage": usage},
            {"type": "message_stop"},
        ]
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]


def error(status: Status, model: str, param: str | None, request_id: str) -> Any:
    """A refusal's body."""
    what = {"type": status.type, "message": status.message.format(model=model)}
    return {"type": "error", "error": what, "request_id": request_id}


def headers(request_id: str, limits: Mapping[str, int]) -> list[tuple[str, str]]:
    """Who answered, and what is left of the key's limits."""
    again = (datetime.now(UTC) + timedelta(seconds=limits.get("reset_s", 0))).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        ("request-id", request_id),
        ("anthropic-organization-id", "6a1b0b6e-6b8f-4a8c-9a43-51f4d6a0c9d2"),
        ("anthropic-ratelimit-requests-limit", str(limits.get("limit", 4000))),
        ("anthropic-ratelimit-requests-remaining", str(limits.get("remaining", 3999))),
        ("anthropic-ratelimit-requests-reset", again),
        ("anthropic-ratelimit-input-tokens-limit", "2000000"),
        ("anthropic-ratelimit-input-tokens-remaining", "1998000"),
        ("anthropic-ratelimit-input-tokens-reset", again),
        ("anthropic-ratelimit-output-tokens-limit", "400000"),
        ("anthropic-ratelimit-output-tokens-remaining", "399000"),
        ("anthropic-ratelimit-output-tokens-reset", again),
    ]


def about(path: str, body: Mapping[str, Any], offers: Iterable[Offer]) -> Any:
    """The models on offer, or one of them."""
    entries = [_entry(offer) for offer in offers]
    if path == "/v1/models":
        ends = {"first_id": entries[0]["id"], "last_id": entries[-1]["id"]} if entries else {}
        return {"data": entries, "has_more": False, "first_id": None, "last_id": None, **ends}
    found = next((entry for entry in entries if entry["id"] == path.removeprefix("/v1/models/")), None)
    if found is None:
        raise Refused("model_missing")
    return found


def _entry(offer: Offer) -> dict[str, Any]:
    return {
        "type": "model",
        "id": offer.name,
        "display_name": offer.name.replace("-", " ").title(),
        "created_at": "2026-09-15T00:00:00Z",
        "deprecated_at": None,
        "retires_at": None,
        "lifecycle": "active",
        "line": None,
        "max_input_tokens": offer.context_tokens,
        "max_tokens": offer.most_output_tokens,
        "capabilities": None,
    }


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content if isinstance(block, Mapping))


def _id(prefix: str) -> str:
    return prefix + uuid.uuid4().hex[:22]
