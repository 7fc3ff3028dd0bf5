"""Query parameters: one that is misspelt or given twice would silently ask for something else than was meant."""

import re
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from litestar.typing import FieldDefinition

from service.api.problem import FieldError, FieldsInvalid

_API = "/api/"  # balancers and browsers ask for health and docs with whatever they like

# Litestar would take 1 for true and 1.0 for 1, which the schema does not say.
_MEANT: dict[Any, tuple[str, str]] = {
    bool: ("true|false", "Expected `true` or `false`"),
    int: ("-?[0-9]+", "Expected `int`"),
}


async def refuse_unknown(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Litestar's guard over every route of the API: raises FieldsInvalid for what the handler does not declare."""
    if not connection.scope["path"].startswith(_API):
        return
    known = declared(handler)
    given = connection.query_params
    errors = [FieldError(name, "Unknown query parameter") for name in sorted(set(given) - set(known))]
    errors += [
        FieldError(name, "Given more than once")
        for name, field in known.items()
        if len(given.getall(name, [])) > 1 and not _is_list(field)
    ]
    errors += [
        FieldError(name, _MEANT[kind][1])
        for name, field in known.items()
        if (kind := _kind(field)) in _MEANT
        for value in given.getall(name, [])
        if not re.fullmatch(_MEANT[kind][0], value)
    ]
    if errors:
        raise FieldsInvalid(errors)


def declared(handler: BaseRouteHandler) -> dict[str, FieldDefinition]:
    """A handler's query parameters, by the names that they have in an address."""
    return {
        field.kwarg_definition.name or name: field
        for name, field in handler.parsed_fn_signature.parameters.items()
        if isinstance(field.kwarg_definition, QueryParameter)
    }


def _kind(field: FieldDefinition) -> Any:
    """A parameter's type, of what may be left out the one that it has when it is given."""
    return next((one.annotation for one in field.inner_types if not one.is_none_type), field.annotation)


def _is_list(field: FieldDefinition) -> bool:
    return any(one.is_non_string_sequence for one in (field, *field.inner_types))
