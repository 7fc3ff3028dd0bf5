"""The schema as HTML: one page without scripts, every text in it escaped."""

import re
from html import escape
from typing import Any, TypeAlias, cast

import msgspec

Node: TypeAlias = dict[str, Any]

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #888; --accent: #3b6fd4; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1.5rem; font-size: 1.15rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; }
h3.route { border-top: 1px solid var(--line); padding-top: 1rem; margin-top: 2rem; }
h4 { font-size: .875rem; color: var(--quiet); margin: 1rem 0 .2rem; }
code, pre { font: .875rem/1.5 ui-monospace, monospace; }
pre { border: 1px solid var(--line); border-radius: .4rem; padding: .8rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th:first-child { width: 25%; } th:nth-child(2) { width: 30%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--quiet); }
a { color: var(--accent); }
.method { color: var(--accent); font-weight: 700; }
.quiet { color: var(--quiet); font-weight: 400; }
.wide th:first-child { width: 60%; }
"""

_PROBLEM = "application/problem+json"

_EXAMPLE = """curl -s http://{host}/api/v1/patterns/match \\
  -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/json' \\
  -d '{{"intent": "retry a job that lost its connection", "limit": 5}}'"""


def page(schema: Node, host: str) -> str:
    """The whole page for a schema, its routes grouped by tag; every text in it is escaped."""
    info = schema["info"]
    groups: dict[str, list[tuple[str, str, Node]]] = {}
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            tag = cast("list[str]", operation.get("tags", ["Other"]))[0]
            groups.setdefault(tag, []).append((method, path, cast(Node, operation)))
    contents = "".join(_contents(tag, groups[tag]) for tag in sorted(groups))
    operations = "".join(
        f'<h2 id="{_anchor("about", tag)}">{escape(tag)}</h2>' + "".join(_operation(*one) for one in groups[tag])
        for tag in sorted(groups)
    )
    structs = "".join(_struct(name, node) for name, node in schema.get("components", {}).get("schemas", {}).items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style>"
        f"<h1>{escape(info['title'])} API <span class=quiet>{escape(info['version'])}</span></h1>"
        f"<p>{escape(info.get('description', ''))} The same as "
        f'<a href="/docs/openapi.json">OpenAPI {escape(schema["openapi"])}</a>.</p>'
        f"<pre>{escape(_EXAMPLE.format(host=host))}</pre><nav>{contents}</nav>{operations}"
        f"<h2>Shapes</h2>{structs}</html>"
    )


def _contents(tag: str, operations: list[tuple[str, str, Node]]) -> str:
    """A group's routes as links, so that one is found among many."""
    rows = [
        (
            f'<a href="#{_anchor(method, path)}"><span class=method>{escape(method.upper())}</span> '
            f"<code>{escape(path)}</code></a>",
            escape(operation.get("summary", "")),
        )
        for method, path, operation in operations
    ]
    head = f'<h3><a href="#{_anchor("about", tag)}">{escape(tag)}</a></h3>'
    return f"{head}<div class=wide>{_table(('route', ''), rows)}</div>"


def _anchor(*words: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", " ".join(words)).strip("-")


def _operation(method: str, path: str, operation: Node) -> str:
    locked = " <span class=quiet>with a token</span>" if operation.get("security") else ""
    parts = [
        f'<h3 class=route id="{_anchor(method, path)}"><span class=method>{escape(method.upper())}</span> '
        f"<code>{escape(path)}</code>{locked}</h3>"
        f"<p><strong>{escape(operation.get('summary', ''))}.</strong> {_text(operation.get('description', ''))}</p>"
    ]
    if parameters := operation.get("parameters"):
        rows = [
            (
                f"<code>{escape(p['name'])}</code>",
                p["in"],
                _type(p["schema"]) + ("" if p.get("required") else " <span class=quiet>optional</span>"),
                " ".join([_text(p.get("description", "")), ", ".join(_bounds(p["schema"]))]),
            )
            for p in parameters
        ]
        parts.append("<h4>Parameters</h4>" + _table(("name", "in", "type", ""), rows))
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h4>Body</h4><p><code>{escape(media_type)}</code>: {_type(content['schema'])}</p>")
    answers = cast("dict[str, Node]", operation["responses"])
    problems = {status: answer for status, answer in answers.items() if _PROBLEM in answer.get("content", {})}
    rows = [
        (
            escape(status),
            " ".join(_type(content["schema"]) for content in answer.get("content", {}).values()),
            _text(answer.get("description", "")),
        )
        for status, answer in answers.items()
        if status not in problems
    ]
    parts.append("<h4>Answers</h4>" + _table(("status", "type", ""), rows))
    if problems:
        told = " ".join(
            f'<abbr title="{escape(answer.get("description", ""))}">{escape(status)}</abbr>'
            for status, answer in problems.items()
        )
        parts.append(f"<p>Refused with a {_type({'$ref': 'Problem'})}: {told}</p>")
    return "".join(parts)


def _struct(name: str, node: Node) -> str:
    if "enum" in node:
        return f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{_type(node)}</p>'
    needed = set(node.get("required", []))
    rows = [
        (
            f"<code>{escape(field)}</code>",
            _type(shape) + ("" if field in needed else " <span class=quiet>optional</span>"),
            ", ".join(_bounds(shape)),
        )
        for field, shape in node.get("properties", {}).items()
    ]
    about = _text(node.get("description", ""))
    return f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{about}</p>' + _table(("field", "type", ""), rows)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    cells = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{cells}</tr>{body}</table>"


def _text(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text.strip()))


def _type(node: Node) -> str:
    """A shape in a few words; references link to where the shape stands on the page."""
    if reference := node.get("$ref"):
        name = escape(str(reference).rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    for choice in ("oneOf", "anyOf"):
        if choice in node:
            return " or ".join(_type(part) for part in node[choice])
    if "enum" in node:
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in node["enum"])
    kind = node.get("type", "any")
    if kind == "array":
        return f"list of {_type(node.get('items', {}))}"
    if kind == "object" and "additionalProperties" in node:
        return f"map of {_type(node['additionalProperties'])}"
    return escape(str(node.get("format", kind)))


def _bounds(node: Node) -> list[str]:
    found = [
        f"{words} {escape(str(node[key]))}"
        for key, words in (
            ("minimum", "≥"),
            ("maximum", "≤"),
            ("minLength", "characters ≥"),
            ("maxLength", "characters ≤"),
            ("minItems", "items ≥"),
            ("maxItems", "items ≤"),
        )
        if key in node
    ]
    for part in cast("list[Node]", node.get("anyOf", [])):
        found += _bounds(part)
    if "items" in node:
        found += [f"each: {bound}" for bound in _bounds(node["items"])]
    if node.get("default") is not None:
        found.append(f"default <code>{escape(msgspec.json.encode(node['default']).decode())}</code>")
    return found
