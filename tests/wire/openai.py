"""OpenAI's format, spoken by compatible servers too: responses, chat completions, embeddings, models."""

import array
import base64
import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wire.exchange import Asked, Refused, Request, Said
from wire.failures import Status
from wire.models import Offer
from wire.schema import refuse_openai
from wire.tally import Tally

VENDOR = "openai"
STREAM_TYPE = "text/event-stream; charset=utf-8"

PATHS = {
    ("POST", "/v1/responses"): "responses",
    ("POST", "/v1/chat/completions"): "completions",
    ("POST", "/v1/embeddings"): "embed",
    ("GET", "/v1/models"): "list",
}


def key_of(headers: Mapping[str, str]) -> str | None:
    """The key in a request, None where there is none."""
    return headers.get("authorization", "").removeprefix("Bearer ").strip() or None


def read(request: Request, path: str, body: Mapping[str, Any]) -> Asked:
    """What is asked for, or Refused."""
    if not isinstance(body.get("model"), str):
        raise Refused("request_invalid", "you must provide a model parameter")
    if path == "/v1/embeddings":
        given = body.get("input")
        if given in (None, "", []):
            raise Refused("request_invalid", "Missing required parameter: 'input'.", param="input")
        return Asked(VENDOR, "embed", body["model"], body, texts=[given] if isinstance(given, str) else list(given))
    if path == "/v1/responses":
        return _read_responses(body)
    return _read_completions(body)


def _read_responses(body: Mapping[str, Any]) -> Asked:
    asked = Asked(VENDOR, "responses", body["model"], body, stream=bool(body.get("stream")))
    given = body.get("input", "")
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
    asked.system = "\n".join(filter(None, [body.get("instructions") or "", _said_by(messages, system=True)]))
    asked.user = _said_by(messages, system=False)
    asked.most_output_tokens = body.get("max_output_tokens")
    if asked.most_output_tokens is not None and asked.most_output_tokens < 16:
        raise Refused("request_invalid", "Invalid 'max_output_tokens': integer below minimum value. Expected >= 16.")
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        _take_schema(asked, form, "text.format")
    return asked


def _read_completions(body: Mapping[str, Any]) -> Asked:
    if not body.get("messages"):
        raise Refused("request_invalid", "Missing required parameter: 'messages'.", param="messages")
    asked = Asked(VENDOR, "completions", body["model"], body, stream=bool(body.get("stream")))
    asked.system = _said_by(body["messages"], system=True)
    asked.user = _said_by(body["messages"], system=False)
    asked.most_output_tokens = body.get("max_completion_tokens") or body.get("max_tokens")
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        _take_schema(asked, form.get("json_schema") or {}, "response_format")
    return asked


def _take_schema(asked: Asked, form: Mapping[str, Any], param: str) -> None:
    if not form.get("name"):
        raise Refused("request_invalid", f"Missing required parameter: '{param}.name'.", param=f"{param}.name")
    if len(form["name"]) > 64 or not form["name"].replace("_", "").replace("-", "").isalnum():
        raise Refused(
            "request_invalid", f"Invalid '{param}.name': string does not match pattern.", param=f"{param}.name"
        )
    if not isinstance(form.get("schema"), Mapping):
        raise Refused("request_invalid", f"Missing required parameter: '{param}.schema'.", param=f"{param}.schema")
    asked.schema, asked.strict = form["schema"], bool(form.get("strict"))
    reason = refuse_openai(form["schema"]) if asked.strict else ""
    if reason:
        message = f"Invalid schema for response_format '{form['name']}': {reason}"
        raise Refused("schema_refused", message, param=f"{param}.schema")


def write(asked: Asked, said: Said, tally: Tally, offer: Offer) -> dict[str, Any]:
    """The whole answer as one object."""
    if asked.operation == "embed":
        return _write_embeddings(asked, said, tally)
    return _write_responses(asked, said, tally) if asked.operation == "responses" else _write_chat(asked, said, tally)


def _write_responses(asked: Asked, said: Said, tally: Tally) -> dict[str, Any]:
    incomplete = {"length": "max_output_tokens", "context": "max_output_tokens", "filter": "content_filter"}.get(
        said.stop
    )
    incomplete = "max_output_tokens" if said.stop == "pause" else incomplete
    status = "incomplete" if incomplete else "completed"
    content: list[dict[str, Any]] = [{"type": "output_text", "annotations": [], "logprobs": [], "text": said.text}]
    if said.stop == "refusal":
        content = [{"type": "refusal", "refusal": said.text}]
    message = {"id": _id("msg_"), "type": "message", "status": status, "role": "assistant", "content": content}
    output = [message] if said.text or not incomplete else []
    usage = {
        "input_tokens": tally.input_tokens,
        "input_tokens_details": {
            "cached_tokens": tally.cached_tokens,
            "cache_write_tokens": tally.cache_write_tokens,
        },
        "output_tokens": tally.output_tokens,
        "output_tokens_details": {"reasoning_tokens": tally.reasoning_tokens},
        "total_tokens": tally.input_tokens + tally.output_tokens,
    }
    body = asked.body
    return {
        "id": _id("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "completed_at": int(time.time()),
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": incomplete} if incomplete else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "max_tool_calls": None,
        "model": said.model or asked.model,
        "output": [{"id": _id("rs_"), "type": "reasoning", "summary": []}, *output],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": "low", "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": body.get("store", True),
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium", **(body.get("text") or {})},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage if said.usage else None,
        "user": None,
        "metadata": {},
        **said.extra,
    }


def _write_chat(asked: Asked, said: Said, tally: Tally) -> dict[str, Any]:
    finish = {"stop": "stop", "refusal": "stop", "filter": "content_filter"}.get(said.stop, "length")
    refused = said.stop == "refusal"
    usage = {
        "prompt_tokens": tally.input_tokens,
        "completion_tokens": tally.output_tokens,
        "total_tokens": tally.input_tokens + tally.output_tokens,
        "prompt_tokens_details": {"cached_tokens": tally.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": tally.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    message = {
        "role": "assistant",
        "content": None if refused else said.text,
        "refusal": said.text if refused else None,
        "annotations": [],
    }
    return {
        "id": _id("chatcmpl-"),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": said.model or asked.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        **({"usage": usage} if said.usage else {}),
        "service_tier": "default",
        "system_fingerprint": None,
        **said.extra,
    }


def _write_embeddings(asked: Asked, said: Said, tally: Tally) -> dict[str, Any]:
    packed = asked.body.get("encoding_format") == "base64"

    def form(vector: Sequence[float]) -> Any:
        return base64.b64encode(array.array("f", vector).tobytes()).decode() if packed else list(vector)

    usage = {"prompt_tokens": tally.input_tokens, "total_tokens": tally.input_tokens}
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": number, "embedding": form(vector)}
            for number, vector in enumerate(said.vectors)
        ],
        "model": said.model or asked.model,
        **({"usage": usage} if said.usage else {}),
        **said.extra,
    }


def stream(answer: Mapping[str, Any], *, broken: Status | None) -> Sequence[bytes]:
    """The same answer as server-sent events; `broken`: an error event in the middle of it."""
    responses = answer["object"] == "response"
    failed = {"type": "server_error", "code": "server_error", "message": broken.message} if broken else None
    if responses:
        begun = {**answer, "status": "in_progress", "output": [], "usage": None, "completed_at": None}
        end = {"type": f"response.{answer['status']}", "sequence_number": 1, "response": answer}
        if failed:
            end = {"sequence_number": 1, "param": None, **failed, "type": "error"}
        events = [{"type": "response.created", "sequence_number": 0, "response": begun}, end]
        return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
    choice = answer["choices"][0]
    shared = {key: answer[key] for key in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    first = {**shared, "choices": [{"index": 0, "delta": choice["message"], "finish_reason": None}]}
    last = {**shared, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
    totals = {**shared, "choices": [], "usage": answer.get("usage")}
    chunks: list[Mapping[str, Any]] = [first, {"error": failed}] if failed else [first, last, totals]
    return [*(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks), b"data: [DONE]\n\n"]


def error(status: Status, model: str, param: str | None, request_id: str) -> Any:
    """A refusal's body."""
    message = status.message.format(model=model)
    return {"error": {"message": message, "type": status.type, "param": param, "code": status.code}}


def headers(request_id: str, limits: Mapping[str, int]) -> list[tuple[str, str]]:
    """Who answered, and what is left of the key's limits."""
    return [
        ("x-request-id", request_id),
        ("openai-organization", "org-wire"),
        ("openai-processing-ms", "12"),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", str(limits.get("limit", 10000))),
        ("x-ratelimit-remaining-requests", str(limits.get("remaining", 9999))),
        ("x-ratelimit-reset-requests", f"{limits.get('reset_s', 0)}s"),
        ("x-ratelimit-limit-tokens", "4000000"),
        ("x-ratelimit-remaining-tokens", "3999000"),
        ("x-ratelimit-reset-tokens", "15ms"),
    ]


def about(path: str, body: Mapping[str, Any], offers: Iterable[Offer]) -> Any:
    """The models on offer, or one of them."""
    entries = [{"id": offer.name, "object": "model", "created": 1789430400, "owned_by": "system"} for offer in offers]
    if path == "/v1/models":
        return {"object": "list", "data": entries}
    found = next((entry for entry in entries if entry["id"] == path.removeprefix("/v1/models/")), None)
    if found is None:
        raise Refused("model_missing")
    return found


def _said_by(messages: Sequence[Mapping[str, Any]], *, system: bool) -> str:
    ours = {"system", "developer"}
    texts: list[str] = []
    for message in messages:
        if (message.get("role") in ours) == system:
            content = message.get("content") or ""
            parts = [content] if isinstance(content, str) else [part.get("text", "") for part in content]
            texts += parts
    return "\n".join(texts)


def _id(prefix: str) -> str:
    return prefix + uuid.uuid4().hex
