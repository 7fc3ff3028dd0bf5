"""A struct as the JSON schema that vendors take, and a model's words as that struct, whatever the vendor promised."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import msgspec

from routing.errors import AnswerInvalid
from routing.price import Usage
from routing.task import Prompt

LEAST_BOUND_CHARS = 16_384
CHARS_A_TOKEN = 16
"""Hardly a token is longer; an answer that is, was not written within the most output that it was asked for."""

# What every vendor takes, strict ones included; the rest is told to the model in words and held here afterwards.
_KEPT = frozenset({"type", "properties", "required", "items", "anyOf", "enum", "const", "description", "format"})
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength")
_TOLD = (*_BOUNDS, "pattern", "minItems", "maxItems", "default")
_TYPES: Mapping[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}

_FENCE = re.compile(r"\A```[\w-]*[ \t]*\r?\n(.*?)\r?\n?[ \t]*```\Z", re.DOTALL)
_THOUGHTS = re.compile(r"\A<think>.*?</think>", re.DOTALL)
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@lru_cache(maxsize=64)
def vendor_schema(answer: type[Any]) -> dict[str, Any]:
    """The schema of a msgspec struct as OpenAI's strict mode wants it, which the other vendors take too.

    Every field required, no others allowed, bounds and defaults moved into the descriptions. Not to be changed by who
    gets it. TypeError for structs that cannot be said so: maps, tuples of several types.
    """
    said = msgspec.json.schema(answer)
    definitions = cast("dict[str, Any]", said.get("$defs", {}))
    root = said
    if "$ref" in said:  # strict mode wants the object itself at the top
        name = said["$ref"].rsplit("/", 1)[1]
        root = definitions[name]
        if f'"{said["$ref"]}"'.encode() not in msgspec.json.encode(definitions):
            definitions = {key: value for key, value in definitions.items() if key != name}
    if root.get("type") != "object":
        raise TypeError(f"{answer.__name__} is no struct, and an answer has to be one")
    strict = _strict(root)
    if definitions:
        strict["$defs"] = {name: _strict(part) for name, part in definitions.items()}
    return strict


def _strict(part: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in part:
        return {"$ref": part["$ref"]}
    if isinstance(part.get("additionalProperties"), Mapping) or "prefixItems" in part:
        raise TypeError("an answer holds neither maps nor tuples of several types")
    kept = {word: value for word, value in part.items() if word in _KEPT}
    if "enum" in kept and "type" not in kept:
        types = {_TYPES[type(value)] for value in kept["enum"]}
        kept |= {"type": types.pop()} if len(types) == 1 else {}
    if kept.get("type") == "object":
        kept["properties"] = {name: _strict(inner) for name, inner in part.get("properties", {}).items()}
        kept["required"] = list(kept["properties"])
        kept["additionalProperties"] = False
    if "items" in kept:
        kept["items"] = _strict(kept["items"])
    if "anyOf" in kept:
        kept["anyOf"] = [_strict(choice) for choice in kept["anyOf"]]
    if told := ", ".join(f"{word} {part[word]}" for word in _TOLD if part.get(word) is not None):
        kept["description"] = f"{kept['description']} ({told})" if "description" in kept else told
    return kept


def validated(text: str, prompt: Prompt, *, usage: Usage | None, model: str | None) -> Any:
    """The prompt's answer struct out of what a model wrote.

    A fence or thoughts around it are taken off. AnswerInvalid, with the usage, for what is no JSON, is not as the
    struct wants it, is longer than the output that was asked for, or cannot be stored (NUL, half a surrogate pair).
    """

    def invalid(why: str) -> AnswerInvalid:
        return AnswerInvalid(f"the answer {why}", usage=usage, model=model)

    bound = max(LEAST_BOUND_CHARS, CHARS_A_TOKEN * prompt.max_output_tokens)
    if len(text) > bound:
        raise invalid(f"is longer than {bound} characters")
    bare = _THOUGHTS.sub("", text.strip().removeprefix("\ufeff")).strip()
    if (fenced := _FENCE.match(bare)) is not None:
        bare = fenced[1]
    if not bare:
        raise invalid("is empty")
    try:
        value = msgspec.json.decode(bare.encode(), type=prompt.answer)
    except msgspec.ValidationError as error:
        # Only the place: the message quotes what the model wrote.
        at = re.search(r"`(\$[\w.\[\]]*)`", str(error).rpartition(" - at ")[2])
        raise invalid(f"is not as the schema wants it{f', at {at[1]}' if at else ''}") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise invalid("is no JSON") from None
    if _NUL.search(msgspec.json.encode(value)):
        raise invalid("holds characters that cannot be stored")
    return value
