"""What happens to processes: one is killed in the middle of a call, one frozen and overtaken."""

import dataclasses
from typing import Final
from uuid import UUID

from placet.cli.demo.crew import Worker
from placet.cli.demo.errand import Attached, Pause, Ran, Refused, Reported, Waits
from placet.cli.demo.figures import stale_starts
from placet.cli.demo.scene import Scene, expect, short
from placet.replay.sessions.model import KillAnswer, KillSession

_FROZEN_TTL_SECONDS: Final = 8
"""Long enough that a slow machine renews in time, short enough to be waited out."""

_TAKE_OVER_SECONDS: Final = 60.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class OpenCall:
    """A call whose end nobody reported."""

    session_id: UUID
    call_id: UUID


async def crash(scene: Scene) -> OpenCall:
    """Kill a worker after its refund was paid and before it could say so."""
    who = "worker C"
    errand = scene.errand("table_lookup", "table_refund", pause=Pause.BEFORE_RECEIPT)
    worker = await scene.crew.start(who, errand)
    attached = await worker.says(Attached)
    scene.attached(who, attached)
    scene.ran(who, await worker.says(Ran), "succeeded")
    waits = await worker.says(Waits)
    assert waits.call_id is not None  # noqa: S101 -- narrows the type; it waits within a call
    await worker.kill()
    scene.timeline.tell(who, "killed", "with kill -9: it has paid, and reported nothing")
    return OpenCall(session_id=attached.session_id, call_id=waits.call_id)


async def freeze(scene: Scene) -> tuple[OpenCall, Worker, int]:
    """Freeze A while it holds a grant, let B take over, thaw A, and see it refused.

    Returns A's call, worker B, which waits before its last turn, and how many of A's attempts to
    redeem its grant the service refused, by its own count.
    """
    errand = scene.errand(
        "chair_lookup", "chair_refund", pause=Pause.HOLDING_GRANT, ttl_seconds=_FROZEN_TTL_SECONDS
    )
    a = await scene.crew.start("worker A", errand)
    attached = await a.says(Attached)
    scene.attached(a.name, attached)
    scene.ran(a.name, await a.says(Ran), "succeeded")
    waits = await a.says(Waits)
    assert waits.call_id is not None  # noqa: S101 -- narrows the type; it waits within a call
    a.freeze()
    scene.timeline.tell(
        a.name, "frozen", f"by SIGSTOP, with a grant for call {short(waits.call_id)}"
    )
    b = await _take_over(scene, attached)
    before = await stale_starts(scene.url)
    await a.go_on()
    a.thaw()
    scene.timeline.tell(a.name, "thawed", "by SIGCONT, and goes on as if no time had passed")
    told = await _refusals(scene, a)
    await a.ends()
    counted = await stale_starts(scene.url) - before
    return OpenCall(session_id=attached.session_id, call_id=waits.call_id), b, min(told, counted)


async def _take_over(scene: Scene, held: Attached) -> Worker:
    errand = scene.errand(
        "chair_lookup",
        "chair_refund",
        "chair_lookup",
        session_id=held.session_id,
        wait_seconds=_TAKE_OVER_SECONDS,
        pause=Pause.BEFORE_TURN,
    )
    b = await scene.crew.start("worker B", errand)
    taken = await b.says(Attached)
    scene.attached(b.name, taken)
    scene.ran(b.name, await b.says(Ran), "succeeded")
    scene.ran(b.name, await b.says(Ran), "blocked")
    await b.says(Waits)
    return b


async def _refusals(scene: Scene, a: Worker) -> int:
    """Tell what A is answered. Returns how often the service itself refused it."""
    by_service = 0
    for by, code in (
        ("service", "lease_lost"),
        ("orders", "stale_fence"),
        ("client", "lease_lost"),
    ):
        no = await a.says(Refused)
        scene.timeline.tell(a.name, "refused", f"by the {no.by}: {no.code}: {no.detail}")
        expect(f"{no.by} {no.code}", f"{by} {code}", "what A is told")
        by_service += no.by == "service"
    report = await a.says(Reported)
    expect("late" if report.late else "on time", "late", "the report of A")
    scene.timeline.tell(a.name, "late", "its report is kept as evidence and settles nothing")
    return by_service


async def kill_session(scene: Scene, held: OpenCall, b: Worker) -> None:
    """Kill the session that A and B worked in, and let B find out."""
    operator = scene.people.operator
    path = f"/replay/sessions/{held.session_id}/kill"
    reason = "two workers were seen on one case"
    killed = await operator.post(path, KillSession(reason=reason), KillAnswer)
    unconfirmed = ", ".join(short(call) for call in killed.unconfirmed) or "none"
    scene.timeline.tell(operator.name, "killed", f"the session; grants still out: {unconfirmed}")
    await b.go_on()
    no = await b.says(Refused)
    scene.timeline.tell(b.name, "refused", f"{no.code}: {no.detail}")
    expect(no.code, "session_killed", "what B is told")
    await b.ends()
