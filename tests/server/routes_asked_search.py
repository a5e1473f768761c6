"""The routes of the search: how they are asked, and what they refuse."""

from typing import Final

from tests.server.routes_asked import PAGES, Route

EVENTS: Final = "/api/v1/audit/events"
FILTERS: Final = (
    "actor=x",
    "agent=",
    "agent=%00",
    "agent=" + "x" * 300,
    "tool=",
    "tool=a&tool=b",
    "verdict=perhaps",
    "verdict=ALLOW",
    "rule=",
    "fingerprint=ab",
    "fingerprint=" + "AB" * 32,
    "type=",
    "from=2026-03-01T00:00:00",
    "from=tomorrow",
    "to=now",
    "to=0001-01-01T00:00:00%2B23:59",
    "order=best",
    "since=2026-03-01T00:00:00Z",
)
CURSORS: Final = (
    "cursor=WyJuZXdlc3QiLDEsMiwzLDRd",  # one part too many
    "cursor=WyJvbGRlc3QiLDEsMiwzXQ",  # of the other order
    "cursor=WyJuZXdlc3QiLDkwMDcxOTkyNTQ3NDA5OTEwMDAsMSwxXQ",  # a time that is none
    "cursor=WyJuZXdlc3QiLDEsLTEsMV0",  # before the first entry
    "cursor=WyJuZXdlc3QiLDEsMSw5MjIzMzcyMDM2ODU0Nzc1ODA4XQ",  # beyond any
)

SEARCH_ROUTES: Final = (
    Route("GET", EVENTS, queries=(*PAGES, *FILTERS, *CURSORS)),
    Route("GET", f"{EVENTS}/export", queries=(*FILTERS, "limit=1", "cursor=x", "tenant_id=1")),
)
