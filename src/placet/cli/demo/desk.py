"""An ordinary day at the desk: one session, four calls, two of them blocked with their reasons."""

from placet.cli.demo.errand import Attached, Ran
from placet.cli.demo.scene import Scene

_WHO = "agent"


async def serve_a_customer(scene: Scene) -> None:
    """Look up, ask for too much, pay what is due, and be asked to pay it again."""
    errand = scene.errand("lamp_lookup", "lamp_all", "lamp_part", "lamp_again")
    worker = await scene.crew.start(_WHO, errand)
    scene.attached(_WHO, await worker.says(Attached))
    for expected in ("succeeded", "blocked", "succeeded", "blocked"):
        scene.ran(_WHO, await worker.says(Ran), expected)
    await worker.ends()
