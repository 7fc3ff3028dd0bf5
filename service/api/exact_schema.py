"""The OpenAPI document as the code means it: every shape and bound from the annotations that requests are held to.

Litestar writes the frame (addresses, summaries, tags) but loses bounds of 0, bounds inside lists, and descriptions.
"""

from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias, cast

import msgspec
from litestar import Litestar, Response
from litestar.handlers import HTTPRouteHandler
from litestar.params import KwargDefinition, PathParameter, QueryParameter
from litestar.routes import HTTPRoute
from litestar.typing import FieldDefinition

Node: TypeAlias = dict[str, Any]

BEARER = "bearer"

_BOUNDS = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length", "title")
_WITHOUT_SHAPE: dict[Any, Node | None] = {None: None, type(None): None, bytes: {"type": "string"}}
_IF_NONE_MATCH = "What was read before, by its ETag: 304 if it is still so."
_IF_MATCH = "The ETag of what the change was made from; `*` for whatever stands there."
_HEADERS: dict[str, tuple[str, str, str]] = {
    "304": ("ETag", "string", "The tag of what stands there."),
    "429": ("Retry-After", "integer", "Seconds until the next request is welcome."),
}


def exact(schema: Node, app: Litestar) -> Node:
    """Litestar's schema of an app with the shapes, parameters, headers and security that its routes really have."""
    handlers = {(path, method): handler for path, method, handler in _operations(app)}
    types = _Types()
    for handler in handlers.values():
        types.add_all(handler)
    types.describe()
    paths: Node = {
        path: {
            method: _operation(operation, handlers[path, method], types) if (path, method) in handlers else operation
            for method, operation in item.items()
        }
        for path, item in schema["paths"].items()
    }
    security: Node = {BEARER: {"type": "http", "scheme": "bearer", "description": "A token, or an agent's key."}}
    return {**schema, "paths": paths, "components": {"schemas": types.shapes, "securitySchemes": security}}


class _Types:
    """All types that the routes speak of, described together: msgspec names a struct once for all of them."""

    def __init__(self) -> None:
        self._nodes: dict[Any, Node] = {}
        self.shapes: Node = {}

    def add_all(self, handler: HTTPRouteHandler) -> None:
        """Note down every type of one route."""
        kinds = [answered(handler.parsed_return_field.annotation), *_declared(handler).values()]
        if handler.parsed_data_field is not None:
            kinds.append(handler.parsed_data_field.annotation)
        kinds += [bounded(field) for _, field in _parameters(handler)]
        self._nodes |= {kind: {} for kind in kinds if kind not in _WITHOUT_SHAPE}

    def describe(self) -> None:
        """Make `shapes`, and the nodes that `node` gives."""
        nodes, self.shapes = msgspec.json.schema_components(
            list(self._nodes), schema_hook=_anything, ref_template="#/components/schemas/{name}"
        )
        self._nodes = dict(zip(self._nodes, nodes, strict=True))

    def node(self, kind: Any) -> Node | None:
        """How a type stands in the document; None for an answer without a body."""
        return _WITHOUT_SHAPE[kind] if kind in _WITHOUT_SHAPE else self._nodes[kind]


def answered(annotation: Any) -> Any:
    """The type of what a handler answers with: of what is inside a Response; bytes for a stream of them."""
    kind: Any = getattr(annotation, "__origin__", annotation)
    if isinstance(kind, type) and issubclass(kind, Response):
        return next(iter(getattr(annotation, "__args__", ())), bytes)
    return annotation


def bounded(field: FieldDefinition) -> Any:
    """A parameter's type with its bounds, as msgspec writes them. Null cannot be sent in an address: it is left out."""
    kind: Any = field.annotation
    if field.is_optional:
        kind = next(inner.raw for inner in field.inner_types if not inner.is_none_type)
    definition = field.kwarg_definition
    given = {name: getattr(definition, name, None) for name in _BOUNDS} if definition else {}
    given = {name: value for name, value in given.items() if value is not None}
    return Annotated[kind, msgspec.Meta(**given)] if given else kind


def _operations(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                if handler.resolve_include_in_schema():
                    yield from ((route.path_format, method.lower(), handler) for method in handler.http_methods)


def _parameters(handler: HTTPRouteHandler) -> Iterator[tuple[str, FieldDefinition]]:
    for name, field in handler.parsed_fn_signature.parameters.items():
        definition = field.kwarg_definition
        if isinstance(definition, QueryParameter | PathParameter):
            yield definition.name or name, field


def _declared(handler: HTTPRouteHandler) -> dict[str, Any]:
    """The types of the answers that a route declares beside its own, by status."""
    return {str(status): cast(Any, spec).data_container for status, spec in (handler.responses or {}).items()}


def _operation(operation: Node, handler: HTTPRouteHandler, types: _Types) -> Node:
    own = str(handler.status_code)
    # Of what Litestar adds, a 400 in a shape that this API never sends is left out.
    kinds = {own: answered(handler.parsed_return_field.annotation), **_declared(handler)}
    answers: Node = {
        status: _answer(status, answer, types.node(kinds[status]))
        for status, answer in operation["responses"].items()
        if status in kinds
    }
    fields = dict(_parameters(handler))
    parameters = [
        _parameter(given, fields[given["name"]], types) if given["name"] in fields else given
        for given in operation.get("parameters", [])
    ]
    if "304" in kinds:
        parameters.append(_header_parameter("If-None-Match", _IF_NONE_MATCH, needed=False))
    if "412" in kinds:
        parameters.append(_header_parameter("If-Match", _IF_MATCH, needed="428" in kinds))
    if own != "204" and ("304" in kinds or "428" in kinds):
        answers[own]["headers"] = {"ETag": _header("string", "The tag of this answer.")}
    for media_type in handler.opt.get("also_answers", ()):
        answers[own]["content"][media_type] = {"schema": {"type": "string"}}
    exact_one: Node = {**operation, "responses": answers}
    if parameters:
        exact_one["parameters"] = parameters
    if handler.parsed_data_field is not None:
        body = types.node(handler.parsed_data_field.annotation) or {}
        exact_one["requestBody"] = _with_schema(operation["requestBody"], body)
    if "caller" in handler.parsed_fn_signature.parameters:
        exact_one["security"] = [{BEARER: []}]
    return exact_one


def _parameter(given: Node, field: FieldDefinition, types: _Types) -> Node:
    node = dict(types.node(bounded(field)) or {})
    if field.has_default and field.default is not None:
        node["default"] = field.default
    definition = cast(KwargDefinition, field.kwarg_definition)
    exact_one: Node = {"name": given["name"], "in": given["in"], "required": given["required"], "schema": node}
    return {**exact_one, "description": definition.description} if definition.description else exact_one


def _header_parameter(name: str, description: str, *, needed: bool) -> Node:
    return {
        "name": name,
        "in": "header",
        "required": needed,
        "schema": {"type": "string"},
        "description": description,
    }


def _answer(status: str, answer: Node, node: Node | None) -> Node:
    exact_one: Node = {"description": answer["description"]}
    if status in _HEADERS:
        name, kind, description = _HEADERS[status]
        exact_one["headers"] = {name: _header(kind, description)}
    if node is not None and answer.get("content"):
        exact_one["content"] = _with_schema(answer, node)["content"]
    return exact_one


def _header(kind: str, description: str) -> Node:
    return {"schema": {"type": kind}, "description": description}


def _with_schema(holder: Node, node: Node) -> Node:
    return {**holder, "content": {media_type: {"schema": node} for media_type in holder["content"]}}


def _anything(shape: type) -> Node:
    if shape is object:
        return {"description": "Anything."}
    raise NotImplementedError
