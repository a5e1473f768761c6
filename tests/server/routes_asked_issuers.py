"""The routes of issuers: how they are asked, and what they refuse."""

import base64
from typing import Any, Final

from tests.server.refusals_asked import Refused
from tests.server.routes_asked import AUTHORITY, NAMES, PAGES, TEXTS, Route

ISSUERS: Final = f"{AUTHORITY}/issuers"
SMALL_ORDER: Final = base64.b64encode(b"\x01" + bytes(31)).decode()
GOOD: Final = base64.b64encode(bytes.fromhex("cd" * 32)).decode()
ISSUER: Final[dict[str, Any]] = {
    "name": "the front door",
    "agent": "refund-desk",
    "environment": "staging",
    "public_key": GOOD,
}
UNKNOWN: Final[dict[str, Any]] = {
    "assertion": base64.b64encode(
        b'{"payload":"e30=","payloadType":"placet.principal.v1",'
        b'"signatures":[{"keyid":"nobody","sig":"AAAA"}]}'
    ).decode()
}

ISSUER_ROUTES: Final = (
    Route(
        "POST",
        ISSUERS,
        body=ISSUER,
        missing=tuple(ISSUER),
        wrong={
            "name": NAMES,
            "agent": (None, 1, "", "a b", "-x", "x" * 129),
            "environment": (None, 1, "", "test"),
            "public_key": (None, 1, "", "x", "AAAA", GOOD + "AAAA"),
        },
        keyed=True,
    ),
    Route("GET", ISSUERS, queries=PAGES),
    Route(
        "POST",
        f"{ISSUERS}/%issuer%/revoke",
        body={"reason": "moved"},
        missing=("reason",),
        wrong={"reason": TEXTS},
        keyed=True,
    ),
)

ISSUERS_REFUSED: Final = (
    Refused(
        "a session on the word of nobody",
        "/api/v1/replay/sessions",
        UNKNOWN,
        422,
        "assertion_refused",
        key="runtime",
    ),
    Refused(
        "an issuer with a key of small order",
        ISSUERS,
        ISSUER | {"public_key": SMALL_ORDER},
        422,
        "issuer_key_refused",
    ),
    Refused(
        "an issuer with the key of another",
        ISSUERS,
        ISSUER | {"public_key": "%issuer_key%"},
        422,
        "issuer_key_refused",
    ),
    Refused(
        "the end of another tenant's issuer",
        f"{ISSUERS}/%foreign_issuer%/revoke",
        {"reason": "x"},
        404,
        "not_found",
    ),
)
