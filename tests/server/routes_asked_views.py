"""The routes of views: how each is asked rightly, and what can be wrong."""

from typing import Final

from tests.server.routes_asked import STUDIO, Route

WORKSPACE: Final = f"{STUDIO}/workspaces/%workspace%"
NOBODYS: Final = "workspace_not_found"
OF: Final = ("of=", "of=both", "of=draft&of=approved", "of=DRAFT", "off=draft", "tenant_id=1")

DAYS: Final = ("days=0", "days=91", "days=x", "days=", "days=1.5", "days=" + "9" * 30)

VIEW_ROUTES: Final = (
    Route("GET", f"{WORKSPACE}/atlas", queries=OF, not_found=NOBODYS),
    Route("GET", f"{WORKSPACE}/control/note", queries=(*OF, *DAYS), not_found=NOBODYS),
    Route(
        "GET",
        f"{STUDIO}/approval-requests/%request%/preview",
        not_found="request_not_found",
    ),
    Route(
        "GET",
        f"{WORKSPACE}/focus/judgments/0123456789abcdef",
        queries=OF,
        not_found=NOBODYS,
    ),
    Route(
        "GET",
        f"{WORKSPACE}/focus/drift/01990000-0000-7000-8000-000000000000",
        not_found=NOBODYS,
    ),
    Route("GET", f"{WORKSPACE}/conformance", not_found=NOBODYS),
)
