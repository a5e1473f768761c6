"""The routes of sessions' snapshots: how they are asked, and what they refuse."""

from typing import Final

from tests.server.refusals_asked import Refused
from tests.server.routes_asked import PAGES, SESSION, Route

SNAPSHOTS: Final = f"{SESSION}/snapshots"
MANY: Final = 2**53

SNAPSHOT_ROUTES: Final = (
    Route(
        "POST",
        SNAPSHOTS,
        body={},
        wrong={"seq": (0, -1, 1.5, "1", MANY)},
        keyed=True,
    ),
    Route("GET", SNAPSHOTS, queries=PAGES),
    Route("GET", f"{SNAPSHOTS}/1"),
    Route("GET", f"{SESSION}/check", queries=("whole=", "whole=x", "whole=true&whole=true", "x=1")),
)

SNAPSHOTS_REFUSED: Final = (
    Refused("an event that is not there yet", SNAPSHOTS, {"seq": MANY - 1}, 404, "not_found"),
    *(
        Refused(f"no snapshot at {seq}", f"{SNAPSHOTS}/{seq}", {}, 404, "not_found", method="GET")
        for seq in ("0", "-1", "77", "9" * 40)
    ),
)
