"""JSON schemas, from the vendor's side: the least that is valid, and what a strict server refuses."""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]


def smallest(schema: Schema | None) -> Any:
    """A minimal valid instance: required properties only, the first of every choice, the least of every range."""
    return _smallest(schema, schema, 0) if schema else {}


def refuse_openai(schema: Schema) -> str:
    """Why OpenAI's strict mode does not take a schema, in its manner; empty when it does."""
    if schema.get("type") != "object":
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{schema.get('type')}\"'."
    for path, part in _parts(schema):
        if part.get("type") == "object" or "properties" in part:
            properties = set(part.get("properties", {}))
            if part.get("additionalProperties") is not False:
                return f"In context={path}, 'additionalProperties' is required to be supplied and to be false."
            missing = sorted(properties - set(part.get("required", ())))
            if missing:
                return (
                    f"In context={path}, 'required' is required to be supplied and to be an array including every key "
                    f"in properties. Missing '{missing[0]}'."
                )
        for word in ("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "default"):
            if word in part:
                return f"In context={path}, '{word}' is not permitted."
        if "$ref" in part and len(part) > 1:
            extra = next(word for word in part if word != "$ref")
            return f"In context={path}, $ref cannot have keywords {{'{extra}'}}."
    return ""


def refuse_anthropic(schema: Schema) -> str:
    """Why Anthropic's structured output does not take a schema, in its manner; empty when it does."""
    unsupported = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength")
    for path, part in _parts(schema):
        if part.get("type") == "object" and part.get("additionalProperties") is not False:
            return (
                "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
            )
        for word in unsupported:
            if word in part:
                of_what = part.get("type", "schema")
                return f"output_config.format.schema: For '{of_what}' type, property '{word}' is not supported"
        if part.get("minItems", 0) not in {0, 1} or "maxItems" in part or "uniqueItems" in part:
            return (
                "output_config.format.schema: For 'array' type, 'minItems' values other than 0 or 1 are not supported"
            )
        if "allOf" in part and any("$ref" in member for member in part["allOf"]):
            return f"output_config.format.schema: {path}: 'allOf' with '$ref' is not supported"
    return ""


def _smallest(schema: Any, root: Schema, depth: int) -> Any:  # noqa: PLR0911
    if not isinstance(schema, Mapping) or depth > 40:
        return None
    if "$ref" in schema:
        return _smallest(_follow(schema["$ref"], root), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for word in ("anyOf", "oneOf"):
        if word in schema:
            # Null is the least that a choice can be, and ends what would recurse.
            choices = schema[word]
            nothing = any(isinstance(choice, Mapping) and choice.get("type") == "null" for choice in choices)
            return None if nothing else _smallest(choices[0], root, depth + 1)
    if "allOf" in schema:
        parts = [_smallest(part, root, depth + 1) for part in schema["allOf"]]
        return {key: value for part in parts if isinstance(part, dict) for key, value in part.items()}
    kind = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kind, list):
        kind = "null" if "null" in kind else kind[0]
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _smallest(properties.get(name, {}), root, depth + 1) for name in schema.get("required", ())}
    if kind == "array":
        first = schema.get("prefixItems", ())
        least = max(schema.get("minItems", 0), len(first) if schema.get("items") is False else 0)
        members = [_smallest(part, root, depth + 1) for part in first[:least]]
        return members + [_smallest(schema.get("items", {}), root, depth + 1) for _ in range(least - len(members))]
    return _plain(kind, schema)


def _plain(kind: str | None, schema: Schema) -> Any:
    if kind == "string":
        known = {"date-time": "2026-11-20T00:00:00Z", "date": "2026-11-20", "time": "00:00:00Z", "email": "a@b.example"}
        known |= {"uuid": "00000000-0000-0000-0000-000000000000", "uri": "https://a.example"}
        return known.get(schema.get("format", ""), "x" * schema.get("minLength", 0))
    if kind == "boolean":
        return False
    if kind in {"integer", "number"}:
        return _least_number(schema)
    return None


def _least_number(schema: Schema) -> float:
    step = schema.get("multipleOf", 1)
    if "minimum" in schema:
        return schema["minimum"]
    if "exclusiveMinimum" in schema:
        low = schema["exclusiveMinimum"]
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        return low + step if high is None or low + step < high or schema["type"] == "integer" else (low + high) / 2
    return min(0, schema.get("maximum", 0))


def _follow(ref: str, root: Schema) -> Any:
    part: Any = root
    for name in ref.removeprefix("#").strip("/").split("/"):
        part = part[name.replace("~1", "/").replace("~0", "~")] if name else part
    return part


def _parts(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Every schema within a schema, with its path; the names of properties are not words of a schema."""
    waiting: list[tuple[str, Any]] = [("()", schema)]
    while waiting:
        path, part = waiting.pop()
        if not isinstance(part, Mapping):
            continue
        yield path, part
        for word in ("properties", "$defs", "definitions"):
            waiting += [(f"{path}.{word}.{name}", inner) for name, inner in part.get(word, {}).items()]
        for word in ("anyOf", "oneOf", "allOf", "prefixItems"):
            waiting += [(f"{path}.{word}", inner) for inner in part.get(word, ())]
        waiting.append((f"{path}.items", part.get("items")))
