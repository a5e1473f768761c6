"""How workers follow what agents do, and count it."""

import asyncio
import logging
from collections import Counter, OrderedDict
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from placet.authority import store as authority
from placet.events import store as events
from placet.events.model import RecordedEvent, StreamId
from placet.kernel.clock import Clock
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.policy.load import load_policy
from placet.replay.asks import store as asks
from placet.replay.calls.events import CallProposed
from placet.replay.calls.model import Verdict
from placet.replay.recordings import store as recordings
from placet.replay.recordings.model import RecordedCall, Recording
from placet.replay.sessions.policies import acting_for
from placet.storage.database import Database, Reading, Writing
from placet.storage.work import FOLLOW_SHADOW, WorkDue, finish_due, take_due
from placet.studio.impact import comparing, sides
from placet.studio.impact import store as impacts
from placet.studio.impact.examples import Redactions, erased, example_of
from placet.studio.impact.model import Example, Judgment, PreviewTooCostly
from placet.studio.shadow import rules, service, store
from placet.studio.shadow.model import CALLS_MAX, Behind, Shadow, ShadowTally
from placet.studio.snapshots import store as snapshots
from placet.studio.snapshots.model import BusinessDraftSnapshot

BATCH: Final = 20
"""Shadows that one round takes."""

SESSIONS_MAX: Final = 50
"""Sessions of a shadow that are followed before it has to wait for its turn again."""

EVENTS_MAX: Final = 500
"""Events of a session that are looked at together."""

TAKEN_SECONDS: Final = 60
AGAIN: Final = timedelta(seconds=5)
AFTER_ALL: Final = timedelta(days=1)
"""Past every call that a session can have now, whatever became of the database's clock."""

WORK_SECONDS: Final = 20.0
SHADOWS_KEPT: Final = 64
COSTLY_KEPT: Final = 1_000
"""Sessions that took too long and are not judged again by this worker, the last ones."""

_LOG: Final = logging.getLogger("placet.worker")
_PROPOSED: Final = msgspec.json.Decoder(CallProposed)

_Kind = tuple[str, Verdict, Verdict, bool]


class Sides(Value, frozen=True):
    """What a shadow compares, loaded."""

    live: sides.Side
    candidate: sides.Side
    redactions: Redactions


class Seen(Value, frozen=True):
    """What the events after a cursor tell: up to `seq`, the ids of the calls that count.

    Without a `recording` none of them can be judged.
    """

    seq: int
    calls: list[UUID]
    recording: Recording | None


class Counted(Value, frozen=True):
    """What the calls of one session come to, by tool and verdicts, with an example each."""

    calls: dict[_Kind, int]
    examples: dict[_Kind, Example]
    left_out: int


class Follower:
    """Follows the shadows of a service. Keeps loaded contracts, which a restart may lose."""

    def __init__(self, db: Database, ids: Ids, clock: Clock) -> None:
        """Stand on a database; `clock` bounds how long one session may take."""
        self._db = db
        self._ids = ids
        self._clock = clock
        self._kept: OrderedDict[UUID, Sides] = OrderedDict()
        self._costly: OrderedDict[tuple[UUID, UUID], None] = OrderedDict()

    async def follow_due(self) -> int:
        """Follow every shadow that is due, over all tenants. Returns how many there were.

        May run on several nodes at once: what one has taken the others leave, and a session that
        two have judged is counted by the first to say so.
        """
        due = await take_due(self._db, FOLLOW_SHADOW, limit=BATCH, lease_seconds=TAKEN_SECONDS)
        for work in due:
            try:
                await self.follow(work)
            except Exception:  # noqa: BLE001 -- one shadow's fault keeps no other waiting
                _LOG.exception("shadow %s was not followed and comes round again", work.ref)
        return len(due)

    async def follow(self, work: WorkDue) -> None:
        """Follow one shadow a while, or write down that it is over."""
        acting = acting_for(work.tenant_id)
        async with self._db.writing(acting) as tx:
            shadow = await store.hold_running(tx, work.ref)
            why = None if shadow is None else await service.find_end(tx, shadow)
            if shadow is None or why is not None:
                await finish_due(tx, work)
                if shadow is not None and why is not None:
                    await service.end_shadow(tx, shadow, why, self._ids)
                self._kept.pop(work.ref, None)
                return
        async with self._db.reading(acting) as tx:
            compared = await self._sides(tx, shadow)
            behind = await store.list_behind(tx, shadow, SESSIONS_MAX)
        for one in behind:
            try:
                await self.follow_session(shadow, compared, one)
            except Exception:  # noqa: BLE001 -- one session's fault keeps no other waiting
                _LOG.exception("session %s was not followed and comes round again", one.session_id)
        async with self._db.writing(acting) as tx:
            wait = timedelta() if len(behind) == SESSIONS_MAX else AGAIN
            await finish_due(tx, work, await tx.now() + wait)

    async def follow_session(self, shadow: Shadow, compared: Sides, behind: Behind) -> bool:
        """Count what happened in a session since its cursor. Returns whether it was done here."""
        acting = acting_for(shadow.tenant_id)
        place = shadow.shadow_id, behind.session_id
        async with self._db.reading(acting) as tx:
            seen = await look(tx, shadow, behind, is_costly=place in self._costly)
        try:
            counted = await asyncio.to_thread(self._judged, compared, seen)
        except PreviewTooCostly:
            _LOG.warning("session %s takes too long and is left out of a shadow", place[1])
            self._costly[place] = None
            if len(self._costly) > COSTLY_KEPT:
                self._costly.popitem(last=False)
            counted = count(compared, replace(seen, recording=None), _go_on)
        async with self._db.writing(acting) as tx:
            return await keep(tx, shadow, behind, seen.seq, counted)

    def _judged(self, compared: Sides, seen: Seen) -> Counted:
        ends = self._clock.monotonic() + WORK_SECONDS

        def pause() -> None:
            if self._clock.monotonic() > ends:
                raise PreviewTooCostly(detail="the session cannot be judged in time")

        return count(compared, seen, pause)

    async def _sides(self, tx: Reading, shadow: Shadow) -> Sides:
        found = self._kept.get(shadow.shadow_id)
        if found is None:
            snapshot = await snapshots.get_snapshot(tx, shadow.snapshot_id)
            artifact = await authority.get_artifact(tx, shadow.artifact_id)
            found = await asyncio.to_thread(
                loaded, snapshot, artifact.compiled_hash, artifact.runtime_projection_json
            )
            self._kept[shadow.shadow_id] = found
            if len(self._kept) > SHADOWS_KEPT:
                self._kept.popitem(last=False)
        return found


def loaded(snapshot: BusinessDraftSnapshot, artifact_hash: str, runtime: bytes) -> Sides:
    """Return what a shadow compares. Blocking.

    Raises `PolicyLoadError` for an artifact of another version of the compiler: the shadow waits
    until a worker comes that can load it.
    """
    candidate = sides.candidate_side(snapshot)
    return Sides(
        live=sides.Side(compiled_hash=artifact_hash, policy=load_policy(runtime), runtime=runtime),
        candidate=candidate,
        redactions=sides.redacted_by([runtime, candidate.runtime]),
    )


async def look(tx: Reading, shadow: Shadow, behind: Behind, *, is_costly: bool = False) -> Seen:
    """Return what the events of a session after its cursor tell, with the session up to them.

    A session is read only where one of its new calls can be judged, and is not too costly.
    """
    found = await events.list_events(
        tx, StreamId(behind.session_id), after=behind.seq, limit=EVENTS_MAX
    )
    told = [_call_of(one) for one in found if _counts(one, shadow)]
    calls = await asks.follow_edits(tx, behind.session_id, [one for one in told if one is not None])
    recording = None
    if not is_costly and await recordings.has_early(tx, behind.session_id, calls, CALLS_MAX):
        recording = await recordings.read_session(
            tx, behind.session_id, until=await tx.now() + AFTER_ALL, calls_max=CALLS_MAX
        )
    return Seen(
        seq=found[-1].seq if found else behind.seq,
        calls=calls,
        recording=recording,
    )


def count(compared: Sides, seen: Seen, pause: comparing.Pause) -> Counted:
    """Return what the calls that were seen come to. Blocking."""
    tools: Counter[_Kind] = Counter()
    examples: dict[_Kind, Example] = {}
    if seen.recording is None:
        return Counted(calls={}, examples={}, left_out=len(seen.calls))
    wanted = set(seen.calls)
    before = comparing.judge(compared.live.policy, seen.recording, pause)
    after = comparing.judge(compared.candidate.policy, seen.recording, pause)
    for call, one, other in comparing.compared(before, after, seen.recording):
        if call.call_id not in wanted:
            continue
        kind = _kind(call, one, other)
        tools[kind] += 1
        if kind not in examples:
            examples[kind] = example_of(call, one, other, compared.redactions)
    return Counted(calls=dict(tools), examples=examples, left_out=len(wanted) - tools.total())


async def keep(tx: Writing, shadow: Shadow, behind: Behind, seq: int, counted: Counted) -> bool:
    """Add what was counted, with the move of the cursor past it.

    Returns False, and adds nothing, where the shadow has ended or the cursor has moved.
    """
    if seq == behind.seq or await store.hold_running(tx, shadow.shadow_id) is None:
        return False
    if not await store.advance_cursor(tx, shadow, behind, seq):
        return False
    tallies = await store.list_tallies(tx, shadow.shadow_id)
    known = {one.tool for one in tallies}
    # Only an example that is new holds the session: at work its calls come one after the other.
    shown = {(one.tool, one.before, one.after, one.unjudged) for one in tallies}
    is_erased = bool(set(counted.calls) - shown) and behind.session_id in (
        await impacts.hold_shown(tx, [behind.session_id])
    )
    for kind in sorted(counted.calls):
        tool, before, after, is_unjudged = kind
        await store.add_tally(
            tx,
            ShadowTally(
                tenant_id=tx.tenant_id,
                shadow_id=shadow.shadow_id,
                tool=rules.named(tool, known),
                before=before,
                after=after,
                unjudged=is_unjudged,
                calls=counted.calls[kind],
                example=erased(counted.examples[kind]) if is_erased else counted.examples[kind],
            ),
        )
    if counted.left_out:
        await store.add_left_out(tx, shadow, counted.left_out)
    return True


def _go_on() -> None:
    """Let the work go on."""


def _counts(event: RecordedEvent, shadow: Shadow) -> bool:
    """Say whether an event tells of a call that was proposed since a shadow began."""
    return event.type == CallProposed.__name__ and event.at >= shadow.started_at


def _call_of(event: RecordedEvent) -> UUID | None:
    """Return the call that an event tells of, or None where its body was erased."""
    return None if event.body is None else _PROPOSED.decode(event.body).call_id


def _kind(call: RecordedCall, before: Judgment, after: Judgment) -> _Kind:
    is_unjudged = comparing.missing_in(before, after) is not None
    return call.tool_name, before.verdict, after.verdict, is_unjudged
