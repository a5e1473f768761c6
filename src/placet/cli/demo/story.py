"""The chapters in their order.

A call is unknown only half a minute after its worker died, so that chapter begins first and the
others are told while it ripens.
"""

import dataclasses
import sqlite3
from pathlib import Path
from typing import Final

from placet.cli.demo import accidents, approval, desk, evidence, people, settlement
from placet.cli.demo.crew import hired
from placet.cli.demo.figures import Figures, count
from placet.cli.demo.people import People, Speaking
from placet.cli.demo.scene import Scene
from placet.cli.demo.shop import Shop
from placet.cli.demo.timeline import Timeline
from placet.cli.exits import CommandRefused, Exit
from placet.tenancy.model import CreatedTenant

CHAPTERS: Final = 7


@dataclasses.dataclass(frozen=True, kw_only=True)
class Told:
    """How the story came out: its figures, and a key to look around with."""

    figures: Figures
    key: str


async def play(
    speaking: Speaking, created: CreatedTenant, shop: Shop, timeline: Timeline, keep: Path | None
) -> Told:
    """Tell the whole story on a service that runs, for a tenant that was just made.

    Raises the service's refusals, and `CommandRefused` where the story does not go as it must.
    """
    everybody = await people.gather(speaking, created)
    try:
        async with hired(shop.file.with_suffix(".log")) as crew:
            scene = Scene(
                url=speaking.url,
                people=everybody,
                shop=shop,
                crew=crew,
                timeline=timeline,
                ids=speaking.ids,
            )
            return await _chapters(scene, everybody, keep)
    except (OSError, sqlite3.Error) as fault:
        raise CommandRefused(
            detail=f"the story could not go on: {fault}",
            remedy="see that there is room and a right to write in the data folder",
            code=Exit.INFRASTRUCTURE,
        ) from fault
    finally:
        await everybody.close()


async def _chapters(scene: Scene, everybody: People, keep: Path | None) -> Told:
    timeline = scene.timeline
    with timeline.chapter("A draft is written, frozen, approved and signed"):
        await approval.approve(everybody, timeline, scene.ids)
    with timeline.chapter("A worker is killed between paying and reporting"):
        crashed = await accidents.crash(scene)
    async with timeline.ripening("the killed worker's call ripens", settlement.RIPE_SECONDS):
        with timeline.chapter("A customer is served: one bound, one effect"):
            await desk.serve_a_customer(scene)
        with timeline.chapter("A worker is frozen with a grant in hand, and overtaken"):
            frozen, successor, stale_starts = await accidents.freeze(scene)
        with timeline.chapter("A session is killed"):
            await accidents.kill_session(scene, frozen, successor)
        with timeline.chapter("What became of the killed worker's call"):
            await settlement.wait_until_unknown(scene, crashed)
    await settlement.settle(scene, crashed)
    with timeline.chapter("Everything is verified from an export"):
        bundle, report = await evidence.export(scene, keep)
    figures = count(
        bundle,
        scene.shop,
        is_verified=report.is_good,
        stale_starts_refused=stale_starts,
        seconds=timeline.seconds,
    )
    return Told(figures=figures, key=everybody.auditor.api_key)
