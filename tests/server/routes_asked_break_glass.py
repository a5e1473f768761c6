"""The routes of break-glass: how they are asked rightly, and what they refuse."""

from typing import Final

from tests.server.refusals_asked import Refused
from tests.server.routes_asked import PAGES, STUDIO, TEXTS, Route

ONE: Final = f"{STUDIO}/break-glass/%activation%"

BREAK_GLASS_ROUTES: Final = (
    Route(
        "POST", f"{STUDIO}/break-glass", body={"envelope": {}}, missing=("envelope",), keyed=True
    ),
    Route("GET", ONE, not_found="activation_not_found"),
    Route(
        "POST",
        f"{ONE}/confirm",
        body={"envelope": {}},
        missing=("envelope",),
        keyed=True,
        not_found="activation_not_found",
    ),
    Route(
        "POST",
        f"{ONE}/end",
        body={"reason": "over"},
        missing=("reason",),
        wrong={"reason": TEXTS},
        keyed=True,
        not_found="activation_not_found",
    ),
    Route(
        "GET",
        f"{STUDIO}/workspaces/%workspace%/break-glass",
        queries=PAGES,
        not_found="workspace_not_found",
    ),
)

BREAK_GLASS_REFUSED: Final = (
    *(
        Refused(
            f"a break-glass envelope that is {what}",
            path,
            {"envelope": envelope},
            422,
            "break_glass_refused",
        )
        for path in (f"{STUDIO}/break-glass", f"{ONE}/confirm")
        for what, envelope in (
            ("empty", {}),
            ("a text", "x"),
            ("a vote on a request", "%good_envelope%"),
        )
    ),
    Refused(
        "an activation that somebody else opened, to be ended",
        f"{ONE}/end",
        {"reason": "over"},
        403,
        "ending_not_allowed",
    ),
)
