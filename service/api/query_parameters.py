"""Query parameters: one that is misspelt or given twice would silently ask for something else than was meant."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from litestar.typing import FieldDefinition

from service.api.problem import FieldError, FieldsInvalid

_API = "/api/"  # balancers and browsers ask for health and docs with whatever they like


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
    if errors:
        raise FieldsInvalid(errors)


def declared(handler: BaseRouteHandler) -> dict[str, FieldDefinition]:
    """A handler's query parameters, by the names that they have in an address."""
    return {
        field.kwarg_definition.name or name: field
        for name, field in handler.parsed_fn_signature.parameters.items()
        if isinstance(field.kwarg_definition, QueryParameter)
    }


def _is_list(field: FieldDefinition) -> bool:
    return any(one.is_non_string_sequence for one in (field, *field.inner_types))
