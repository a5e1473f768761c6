"""The routes of checkpoints and of the log: how they are asked, and what they refuse."""

from typing import Final

from tests.server.routes_asked import AUTHORITY, PAGES, Route

CHECKPOINTS: Final = f"{AUTHORITY}/checkpoints"
PLACE: Final = "stream_id=00000000-0000-0000-0000-000000000001&seq=1&size=1"

CHECKPOINT_ROUTES: Final = (
    Route("GET", CHECKPOINTS, queries=PAGES),
    Route("GET", f"{CHECKPOINTS}/latest"),
    Route(
        "GET",
        f"{AUTHORITY}/log/inclusion",
        queries=("", "stream_id=x&seq=1&size=1", PLACE + "&x=1", PLACE.replace("seq=1", "seq=0")),
    ),
    Route(
        "GET",
        f"{AUTHORITY}/log/consistency",
        queries=("", "from=1", "from=x&to=2", "from=-1&to=2", "from=1&to=2&x=1"),
    ),
)
