"""/docs: the API's schema as one page, without scripts and without the network; /docs/openapi.json beside it."""

from typing import Any

import msgspec
from litestar import Request, Response, Router
from litestar.enums import OpenAPIMediaType
from litestar.exceptions import NotFoundException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin

from service import __version__
from service.api.docs_page import Node, page
from service.api.exact_schema import exact

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class _Page(OpenAPIRenderPlugin):
    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request[Any, Any, Any], openapi_schema: Node) -> bytes:
        return page(exact(openapi_schema, request.app), request.headers.get("host", "127.0.0.1:8100")).encode()


class _Json(OpenAPIRenderPlugin):
    def __init__(self) -> None:
        super().__init__(path="/openapi.json", media_type=OpenAPIMediaType.OPENAPI_JSON)

    def render(self, request: Request[Any, Any, Any], openapi_schema: Node) -> bytes:
        return msgspec.json.encode(exact(openapi_schema, request.app))


def openapi_config() -> OpenAPIConfig:
    """The schema and the page, served by Litestar under /docs."""
    return OpenAPIConfig(
        title="Motif",
        version=__version__,
        description="Recurring engineering patterns, learned from a team's history and found again.",
        render_plugins=[_Page(), _Json()],
        openapi_router=Router("/docs", route_handlers=[], include_in_schema=False, after_request=_finish),
    )


def _finish(response: Response[Any]) -> Response[Any]:
    # Litestar answers unknown addresses below /docs with a page of its own; they are problems like any other.
    if response.status_code == 404:
        raise NotFoundException
    response.set_header("content-security-policy", _POLICY)
    return response
