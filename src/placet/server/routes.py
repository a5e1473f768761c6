"""The handlers of every part, in the order of the reference page."""

from typing import Final

from litestar.handlers import HTTPRouteHandler

from placet.authority import routes as authority
from placet.server import health, reference
from placet.tenancy import routes as tenancy

ROUTERS: Final[tuple[list[HTTPRouteHandler], ...]] = (
    tenancy.HANDLERS,
    authority.HANDLERS,
    health.HANDLERS,
    reference.HANDLERS,
)
"""One list per part. A new part adds its line."""
