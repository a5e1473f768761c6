"""Views and lists read about as much in a large tenant as in a small one."""

from pathlib import Path
from urllib.parse import urlsplit

from tests.conftest import Server
from tests.studio.views.scene import PATHS, scene

from placet.kernel.ids import Ids

SMALL, LARGE, SNAPSHOTS = range(1, 9), range(9, 97), 15
TIMES = 3
A_PAGE_FULL = 20
"""Blocks that a list may read more because its page is full only in the large tenant."""


async def test_no_view_and_no_list_reads_more_because_there_are_more_workspaces(
    server: Server, fresh_database_url: str, ids: Ids, tmp_path: Path
) -> None:
    admin_url = server.admin(urlsplit(fresh_database_url).path.lstrip("/"))
    async with scene(fresh_database_url, admin_url, ids, tmp_path) as here:
        few = await here.crowd(SMALL, SNAPSHOTS)
        before = {name: await here.blocks(path.format(few)) for name, path in PATHS.items()}
        many = await here.crowd(LARGE, SNAPSHOTS)
        after = {name: await here.blocks(path.format(many)) for name, path in PATHS.items()}
        drawn = (await here.ask(PATHS["atlas"].format(many))).json()
        assert len(drawn["tools"]) == 7
        assert {one["severity"]: one["items"] for one in drawn["drift"]}["minor"] == 7
        path = (await here.ask(PATHS["control"].format(many))).json()
        assert path["overlay"]["sessions"] == 1
    grown = {
        name: (before[name], after[name])
        for name in PATHS
        if after[name] > TIMES * before[name] + A_PAGE_FULL
    }
    assert grown == {}
