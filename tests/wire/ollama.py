"""Ollama's own format: /api/chat, /api/embed, /api/tags, /api/show, /api/ps, /api/version."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from wire.exchange import Asked, Refused, Request, Said
from wire.failures import Status
from wire.models import Offer
from wire.tally import Tally

VENDOR = "ollama"
VERSION = "0.12.11"
DEFAULT_ROOM = 4096
"""Tokens of context where a request sets no num_ctx: what does not fit is dropped without a word."""

PATHS = {
    ("POST", "/api/chat"): "chat",
    ("POST", "/api/embed"): "embed",
    ("GET", "/api/tags"): "list",
    ("POST", "/api/show"): "other",
    ("GET", "/api/ps"): "other",
    ("GET", "/api/version"): "other",
    ("GET", "/"): "other",
    ("HEAD", "/"): "other",
}


def key_of(headers: Mapping[str, str]) -> str | None:
    """The key in a request; one that runs at home needs none."""
    return headers.get("authorization", "").removeprefix("Bearer ").strip()


def named(name: str) -> str:
    """A model's full name: without a tag it is the latest."""
    return name if ":" in name or not name else f"{name}:latest"


def read(request: Request, path: str, body: Mapping[str, Any]) -> Asked:
    """What is asked for, or Refused."""
    model = body.get("model") or body.get("name") or ""
    if not isinstance(model, str) or not model:
        raise Refused("request_invalid", "model is required")
    options = body.get("options") or {}
    asked = Asked(VENDOR, "chat", named(model), body, room_tokens=options.get("num_ctx") or DEFAULT_ROOM)
    if path == "/api/embed":
        given = body.get("input", [])
        asked.operation, asked.texts = "embed", [given] if isinstance(given, str) else list(given)
        return asked
    if path != "/api/chat":
        asked.operation = "other"
        return asked
    messages = body.get("messages") or []
    asked.system = "\n".join(m.get("content") or "" for m in messages if m.get("role") == "system")
    asked.user = "\n".join(m.get("content") or "" for m in messages if m.get("role") != "system")
    form = body.get("format")
    if form not in (None, "", "json") and not isinstance(form, Mapping):
        raise Refused("schema_refused", f'invalid format: {json.dumps(form)}; expected "json" or a valid JSON Schema')
    asked.schema = form if isinstance(form, Mapping) else None
    asked.most_output_tokens = options.get("num_predict")
    asked.stream = body.get("stream", True)
    return asked


def write(asked: Asked, said: Said, tally: Tally, offer: Offer) -> dict[str, Any]:
    """The whole answer as one object."""
    nanoseconds = 1_000_000
    counts = {} if not said.usage else {"prompt_eval_count": tally.input_tokens, "eval_count": tally.output_tokens}
    if asked.operation == "embed":
        counts.pop("eval_count", None)
        return {
            "model": said.model or asked.model,
            "embeddings": said.vectors,
            "total_duration": 14_143_917 + nanoseconds,
            "load_duration": 1_019_500,
            **counts,
            **said.extra,
        }
    return {
        "model": said.model or asked.model,
        **_remote(offer),
        "created_at": _now(),
        "message": {"role": "assistant", "content": said.text},
        "done": True,
        "done_reason": "length" if said.stop == "length" else "stop",
        "total_duration": 5_191_566_416,
        "load_duration": 2_154_458,
        "prompt_eval_duration": 383_809_000,
        "eval_duration": 4_799_921_000,
        **counts,
        **said.extra,
    }


def stream(answer: Mapping[str, Any], *, broken: Status | None) -> Sequence[bytes]:
    """The same answer as lines of JSON; `broken`: an error in the middle of it."""
    content = answer["message"]["content"]
    half = len(content) // 2
    lines: list[Mapping[str, Any]] = [
        {
            "model": answer["model"],
            "created_at": _now(),
            "message": {"role": "assistant", "content": part},
            "done": False,
        }
        for part in (content[:half], content[half:])
    ]
    end: Mapping[str, Any] = {**answer, "message": {"role": "assistant", "content": ""}}
    lines = [lines[0], {"error": broken.message}] if broken else [*lines, end]
    return [json.dumps(line).encode() + b"\n" for line in lines]


STREAM_TYPE = "application/x-ndjson"


def error(status: Status, model: str, param: str | None, request_id: str) -> Any:
    """A refusal's body."""
    return {"error": status.message.format(model=model)}


def headers(request_id: str, limits: Mapping[str, int]) -> list[tuple[str, str]]:
    """It sends none of its own."""
    return []


def about(path: str, body: Mapping[str, Any], offers: Iterable[Offer]) -> Any:
    """What it tells of itself and its models."""
    own = list(offers)
    if path == "/api/version":
        return {"version": VERSION}
    if path == "/api/tags":
        return {"models": [_entry(offer) for offer in own]}
    if path == "/api/ps":
        return {"models": [_running(offer) for offer in own if not offer.remote_host]}
    if path == "/api/show":
        asked = named(body.get("model") or body.get("name") or "")
        found = next((offer for offer in own if named(offer.name) == asked), None)
        if found is None:
            raise Refused("model_missing")
        return _shown(found)
    return "Ollama is running"


def _entry(offer: Offer) -> dict[str, Any]:
    name = named(offer.name)
    return {
        "name": name,
        "model": name,
        **_remote(offer),
        "modified_at": "2026-10-02T09:31:17.218402+00:00",
        "size": 384 if offer.remote_host else offer.size_bytes,
        "digest": hashlib.sha256(name.encode()).hexdigest(),
        "details": _details(offer),
    }


def _running(offer: Offer) -> dict[str, Any]:
    until = datetime.fromtimestamp(time.time() + 600, UTC).isoformat()
    entry = {key: value for key, value in _entry(offer).items() if key != "modified_at"}
    return {**entry, "expires_at": until, "size_vram": offer.size_bytes, "context_length": DEFAULT_ROOM}


def _shown(offer: Offer) -> dict[str, Any]:
    return {
        "license": "Apache License",
        "modelfile": f"FROM {offer.name}",
        "parameters": 'stop                           "<|im_end|>"',
        "template": "{{ .Prompt }}",
        "details": _details(offer),
        **_remote(offer),
        "model_info": {
            "general.architecture": offer.family,
            "general.parameter_count": offer.size_bytes * 2,
            f"{offer.family}.context_length": offer.context_tokens,
            f"{offer.family}.embedding_length": offer.dimensions,
        },
        "capabilities": sorted(offer.capabilities),
        "modified_at": "2026-10-02T09:31:17.218402+00:00",
    }


def _details(offer: Offer) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "" if offer.remote_host else "gguf",
        "family": offer.family,
        "families": [offer.family],
        "parameter_size": offer.parameters,
        "quantization_level": "" if offer.remote_host else "Q4_K_M",
    }


def _remote(offer: Offer) -> dict[str, str]:
    return {"remote_model": offer.remote_model, "remote_host": offer.remote_host} if offer.remote_host else {}


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
