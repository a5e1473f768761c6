"""The routes of drift and evidence: how each is asked rightly, and what can be wrong."""

from typing import Any, Final

from tests.server.refusals_asked import Refused
from tests.server.routes_asked import PAGES, STUDIO, TEXTS, TIMES, Route

WORKSPACE: Final = f"{STUDIO}/workspaces/%workspace%"
ITEM: Final = f"{STUDIO}/drift/%drift%"
GONE: Final = "drift_item_not_found"
NOBODYS: Final = "workspace_not_found"
COMMANDS: Final[tuple[Any, ...]] = (1, "", {}, {"type": "dance"}, {"type": "comment"})
YEARS: Final = ("2001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")

DRIFT_ROUTES: Final = (
    Route(
        "GET",
        f"{WORKSPACE}/drift",
        queries=(*PAGES, "status=", "status=closed", "status=open&status=waived"),
        not_found=NOBODYS,
    ),
    Route("POST", f"{WORKSPACE}/drift/scan", keyed=True, not_found=NOBODYS),
    Route("GET", f"{WORKSPACE}/runtime-receipts", queries=PAGES, not_found=NOBODYS),
    Route(
        "GET",
        f"{STUDIO}/approvals/%approval%/evidence",
        queries=tuple(query for query in PAGES if "cursor=W" not in query),
        not_found="approval_not_found",
    ),
    Route("GET", ITEM, not_found=GONE),
    *(
        Route(
            "POST",
            f"{ITEM}/{verb}",
            body={"reason": "looked at"},
            missing=("reason",),
            wrong={"reason": TEXTS},
            keyed=True,
            not_found=GONE,
        )
        for verb in ("acknowledge", "resolve")
    ),
    Route(
        "POST",
        f"{ITEM}/waive",
        body={"reason": "known", "until": "2030-01-01T00:00:00Z"},
        missing=("reason", "until"),
        wrong={"reason": TEXTS, "until": (None, *TIMES)},
        keyed=True,
        not_found=GONE,
    ),
    Route(
        "POST",
        f"{ITEM}/accept",
        body={"reason": "wanted"},
        missing=("reason",),
        wrong={"reason": TEXTS, "command": COMMANDS},
        keyed=True,
        not_found=GONE,
    ),
)

DRIFT_REFUSED: Final = (
    Refused("a scan with nothing in force", f"{WORKSPACE}/drift/scan", {}, 409, "nothing_to_scan"),
    *(
        Refused(
            f"a waiver until {until}",
            f"{ITEM}/waive",
            {"reason": "known", "until": until},
            422,
            "waiver_out_of_range",
        )
        for until in YEARS
    ),
    Refused(
        "drift that is decided already",
        f"{STUDIO}/drift/%resolved_drift%/acknowledge",
        {"reason": "again"},
        409,
        "drift_closed",
    ),
)
