"""The routes of tool hosts and orphan receipts: how they are asked, and what they refuse."""

import base64
from typing import Any, Final

from tests.server.refusals_asked import Refused
from tests.server.routes_asked import AUTHORITY, HASH, HASHES, NAMES, PAGES, TEXTS, TIMES, Route

HOSTS: Final = f"{AUTHORITY}/tool-hosts"
SMALL_ORDER: Final = base64.b64encode(b"\x01" + bytes(31)).decode()
GOOD: Final = base64.b64encode(bytes.fromhex("ab" * 32)).decode()
HOST: Final[dict[str, Any]] = {
    "name": "refunds",
    "environment": "staging",
    "strength": "verified",
    "tools": ["issue_refund"],
    "public_key": GOOD,
}

ORPHANS: Final = "/api/v1/replay/orphans"
ORPHAN: Final[dict[str, Any]] = {"grant": {}, "status": "succeeded", "arguments_hash": HASH}

TOOL_HOST_ROUTES: Final = (
    Route(
        "POST",
        HOSTS,
        body=HOST,
        missing=tuple(HOST),
        wrong={
            "name": NAMES,
            "environment": (None, 1, "", "test"),
            "strength": (None, 1, "", "cooperative", "none"),
            "tools": (None, "", [], [""], [1], ["*"], ["a b"], ["a\n"], ["x" * 129], ["x"] * 201),
            "public_key": (None, 1, "", "x", "AAAA", GOOD + "AAAA"),
        },
        keyed=True,
    ),
    Route("GET", HOSTS, queries=PAGES),
    Route(
        "POST",
        f"{HOSTS}/%tool_host%/revoke",
        body={"reason": "moved"},
        missing=("reason",),
        wrong={"reason": TEXTS},
        keyed=True,
    ),
    Route(
        "POST",
        ORPHANS,
        body=ORPHAN,
        missing=("grant", "status", "arguments_hash"),
        wrong={
            "status": (None, "", "maybe"),
            "arguments_hash": HASHES,
            "output": (1, {}),
            "external_ref": (1, "x" * 2001),
            "error": (1, "x" * 2001),
            "started_at": TIMES,
            "completed_at": TIMES,
            "cost_micros": (-1, 1.5, "1", 2**53),
            "attestation": (1, {}, {"envelope": {}}, {"envelope": {}, "public_key": "AAAA"}),
        },
        keyed=True,
        key="runtime",
        denied="viewer",
    ),
    Route("GET", ORPHANS, queries=PAGES),
)

TOOL_HOSTS_REFUSED: Final = (
    Refused(
        "a report on a call that is not known, with no grant",
        ORPHANS,
        ORPHAN,
        422,
        "orphan_refused",
        key="runtime",
    ),
    Refused(
        "a host with a key of small order",
        HOSTS,
        HOST | {"public_key": SMALL_ORDER},
        422,
        "host_key_refused",
    ),
    Refused(
        "a host with the key of another",
        HOSTS,
        HOST | {"public_key": "%tool_host_key%"},
        422,
        "host_key_refused",
    ),
    Refused(
        "the end of another tenant's host",
        f"{HOSTS}/%foreign_tool_host%/revoke",
        {"reason": "x"},
        404,
        "not_found",
    ),
)
