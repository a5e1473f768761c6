"""The reference page: what can be asked, shown from our own files alone."""

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from placet.kernel.refusals import NotFound
from placet.server import openapi
from placet.tenancy.entry import AppRequest, RouteOpt

POLICY: Final = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'"
PAGE: Final = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Placet: reference of the HTTP interface</title>
<link rel="icon" href="/schema/favicon-32x32.png">
<link rel="stylesheet" href="/schema/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="/schema/swagger-ui-bundle.js"></script>
<script src="/schema/start.js"></script>
</body>
</html>
"""
START: Final = b"""window.ui = SwaggerUIBundle({
  url: "/schema/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null,
});
"""
_FILES: Final = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_A_DAY: Final = {"Cache-Control": "public, max-age=86400"}


@get("/schema", opt=RouteOpt(public=True))
async def get_page() -> Response[bytes]:
    """Return the page."""
    return Response(
        content=PAGE, media_type="text/html", headers={"Content-Security-Policy": POLICY}
    )


@get("/schema/openapi.json", opt=RouteOpt(public=True))
async def get_document(request: AppRequest) -> Response[bytes]:
    """Return the OpenAPI document."""
    return Response(content=openapi.rendered(request.app), media_type="application/json")


@get("/schema/{name:str}", opt=RouteOpt(public=True))
async def get_file(name: FromPath[str]) -> Response[bytes]:
    """Return one of the page's files."""
    if name == "start.js":
        return Response(content=START, media_type="text/javascript; charset=utf-8")
    if name not in _FILES:
        raise NotFound(detail="there is no such path")
    return Response(content=_read(name), media_type=_FILES[name], headers=_A_DAY)


@lru_cache(len(_FILES))
def _read(name: str) -> bytes:
    """Return a file that swagger-ui-py ships, without importing that package."""
    spec = importlib.util.find_spec("swagger_ui")
    assert spec is not None, "swagger-ui-py belongs to placet[server]"  # noqa: S101 -- an installation without it is broken
    assert spec.origin is not None, "swagger-ui-py is a package of files"  # noqa: S101 -- narrows the type
    return (Path(spec.origin).parent / "static" / name).read_bytes()


HANDLERS: Final[list[HTTPRouteHandler]] = [get_page, get_document, get_file]
