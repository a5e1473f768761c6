"""What views and lists cost in a large tenant: `python -m tests.benchmarks.studio_scale`.

Every view and every list of a workspace, asked over HTTP in this process: first with 10 workspaces
of 50 snapshots each, then with 1,000 in the same tenant. The copies are rows of real tables, marked
`crowd-N`. One JSON record for each, in milliseconds: the median and the ends of the rounds, and
the ratio. `PLACET_TEST_DATABASE_URL` names another Postgres.
"""

import asyncio
import json
import statistics
import tempfile
import time
from contextlib import ExitStack
from os import environ
from pathlib import Path
from typing import Final

from tests.conftest import PASSWORDS, Server
from tests.studio.views.crowd import Crowd
from tests.studio.views.scene import PATHS, Scene, scene

from placet.kernel.ids import SystemIds
from placet.storage.embedded.cluster import ensure
from placet.storage.migrations import upgrade
from placet.storage.roles import initialise

SMALL: Final = 10
LARGE: Final = 1_000
SNAPSHOTS: Final = 50
ROUNDS: Final = 21
WARMING: Final = 5
DATABASE: Final = "placet_bench"


async def times(here: Scene, crowd: Crowd) -> dict[str, list[float]]:
    """Return how long each path takes in milliseconds, the rounds interleaved."""
    taken: dict[str, list[float]] = {name: [] for name in PATHS}
    for number in range(WARMING + ROUNDS):
        for name, path in PATHS.items():
            began = time.perf_counter()
            await here.ask(path.format(crowd))
            if number >= WARMING:
                taken[name].append((time.perf_counter() - began) * 1_000)
    return taken


async def measure(server: Server, folder: Path) -> None:
    """Measure a small and a large tenant, and print a record for each path."""
    url = server.url("placet_app", DATABASE)
    async with scene(url, server.admin(DATABASE), SystemIds(), folder) as here:
        few = await times(here, await here.crowd(range(1, SMALL + 1), SNAPSHOTS))
        large = await here.crowd(range(SMALL + 1, LARGE + 1), SNAPSHOTS)
        many = await times(here, large)
    for name in PATHS:
        before, after = statistics.median(few[name]), statistics.median(many[name])
        told = {
            "path": name,
            "ms_at_10": [round(one, 1) for one in (before, min(few[name]), max(few[name]))],
            "ms_at_1000": [round(one, 1) for one in (after, min(many[name]), max(many[name]))],
            "ratio": round(after / before, 2),
        }
        print(json.dumps(told), flush=True)  # noqa: T201 -- what the command is for


def main() -> None:
    """Measure on the named server, or on one of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        given = environ.get("PLACET_TEST_DATABASE_URL")
        if given is None:
            folder.chmod(0o755)
            cluster = stack.enter_context(ensure(folder / "data"))
            given = cluster.url("postgres", "postgres")
        server = Server(given)
        asyncio.run(initialise(server.admin_url, PASSWORDS, database=DATABASE))
        upgrade(server.url("placet_migrator", DATABASE))
        keys = folder / "keys"
        keys.mkdir()
        asyncio.run(measure(server, keys))


if __name__ == "__main__":
    main()
