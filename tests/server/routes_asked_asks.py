"""The routes of edits and standing grants: how they are asked, and what they refuse."""

from typing import Final

from tests.server.refusals_asked import ASKING, Refused
from tests.server.routes_asked import PAGES, SESSION, Route

STANDING: Final = "/api/v1/replay/standing-grants"

ASK_ROUTES: Final = (
    Route(
        "POST",
        f"{SESSION}/calls/%call%/edit",
        body={"arguments": "{}", "reason": "x"},
        missing=("arguments", "reason"),
        wrong={"arguments": (None, 1, {}, "a\x00"), "reason": (None, 1, "", "x" * 1001, "a\x00")},
        keyed=True,
        key="approver",
    ),
    Route("GET", STANDING, queries=PAGES),
    Route(
        "GET",
        f"{STANDING}/terms/%workspace%/x",
        key="approver",
        not_found="workspace_not_found",
    ),
    Route(
        "POST", STANDING, body={"envelope": {}}, missing=("envelope",), keyed=True, key="approver"
    ),
    Route(
        "POST",
        f"{STANDING}/%nobody%/revoke",
        body={"reason": "x"},
        missing=("reason",),
        wrong={"reason": (None, 1, "", "x" * 1001, "a\x00")},
        keyed=True,
        key="approver",
    ),
)

ASKS_REFUSED: Final = (
    *(
        Refused(
            f"{what} in the place of a call that waits",
            f"{ASKING}/edit",
            {"arguments": arguments, "reason": "x"},
            422,
            "edit_refused",
            "approver",
        )
        for what, arguments in (("no JSON", "nothing"), ("no object", "[]"))
    ),
    *(
        Refused(
            f"{what} for a standing grant",
            STANDING,
            {"envelope": envelope},
            422,
            "standing_refused",
            "approver",
        )
        for what, envelope in (("no envelope", {}), ("an approval's vote", "%good_envelope%"))
    ),
)
