"""What the explorer explores: one session, who works on it, and what each may do to it.

A combination is a worker's script, a rival's and an operator's on one ground: how far the session
is when they begin. Every ground is a session of its own, opened and led there by the services.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import structs
from tests.conftest import found
from tests.invariants.explorer import Actor, Step
from tests.invariants.hands import Hand
from tests.invariants.stage import DUE_NOW, NOTE, SIDES, Stage, refund
from tests.replay.asks.people import ESCALATE, AskDesk
from tests.replay.desk import AGENT, CONTRACT, REQUEST_HASH, Desk
from tests.studio.story import importing

from placet.authority.controls import service as controls
from placet.authority.controls.model import ControlEffect, SetControl
from placet.events.model import StreamId, new_event
from placet.kernel.principal import Environment
from placet.replay.asks import claim
from placet.replay.asks.answers import ClaimCall
from placet.replay.calls.answers import (
    CallOutcome,
    Prepared,
    PrepareRequest,
    ProposalAnswer,
    ReportReceipt,
)
from placet.replay.calls.model import ReceiptStatus
from placet.replay.calls.runtime import Runtime
from placet.replay.calls.tool_calls import ToolCall
from placet.replay.closings import service as closings
from placet.replay.closings.model import CloseAnswer, CloseSession
from placet.replay.sessions import service as sessions
from placet.replay.sessions import store as session_store
from placet.replay.sessions.lease_model import LeaseAction
from placet.replay.sessions.model import OpenSession, ReplaySession, SessionOpened
from placet.replay.steps import service as steps
from placet.replay.steps.model import CallTools
from placet.studio.drafts.grounds.model import ResolveJudgment

NOTES_MAX: Final = 1
REFUND: Final = "issue_refund"
ASKING: Final = "escalate"
ROUNDS_MAX: Final = 4


def contract() -> dict[str, Any]:
    """Return the desk's contract without phases: a refund needs nothing, a note is scarce."""
    tools = [
        {key: value for key, value in tool.items() if key not in {"phases", "requires"}}
        for tool in CONTRACT["tools"]
        if tool["tool"] in {"note", ASKING, REFUND}
    ]
    session = {
        "risk_defaults": CONTRACT["session"]["risk_defaults"],
        "gate": CONTRACT["session"]["gate"],
        "limits": {"max_calls_per_tool": {"note": NOTES_MAX}},
    }
    for tool in tools:
        tool.pop("forbidden_after", None)
    return {**CONTRACT, "session": session, "tools": tools}


@dataclass
class Seat:
    """A session and those who work on it in one play."""

    stage: Stage
    worker: Hand
    twin: Hand
    heir: Hand
    operator: Hand
    stopper: Hand
    order: tuple[str, dict[str, Any]]
    start_id: UUID
    settlement_id: UUID
    receipt_key: str
    prepared: Prepared | None = None
    call: CallOutcome | None = None
    noted: CallOutcome | None = None
    asked: CallOutcome | None = None

    @property
    def session_id(self) -> UUID:
        """Return the session that all of them work on."""
        return self.worker.session_id

    def steps(self, script: Sequence[str]) -> list[Step]:
        """Return the works of a script; each is named `who does what` in `WORKS`."""
        return [
            Step(name, getattr(self, WORKS[name][0]), partial(WORKS[name][1], self))
            for name in script
        ]


Work = Callable[[Seat], Awaitable[object]]


async def propose(seat: Seat, hand: Hand) -> object:
    """Answer the prepared request with the refund."""
    assert seat.prepared is not None
    answer = await hand.propose(seat.prepared, seat.order)
    seat.call = answer.calls[0]
    return answer


async def ask_again(hand: Hand, tool: str, arguments: dict[str, Any]) -> ProposalAnswer:
    """Prepare another model request and answer it with one call."""
    return await hand.propose(await hand.prepare(), (tool, arguments))


async def call_at_once(hand: Hand, tool: str, arguments: dict[str, Any]) -> ProposalAnswer:
    """Have one call decided that no model request led to."""
    one = ToolCall(id="call_0", name=tool, arguments=json.dumps(arguments))
    asked = CallTools(tool_calls=[one])
    raw = msgspec.json.encode(asked)
    return await steps.call_tools(hand.runtime, hand.caller, asked, raw, hand.ids.new().hex)


async def take(seat: Seat, hand: Hand) -> object:
    """Claim the call that people approved."""
    assert seat.asked is not None
    asked = ClaimCall(claim_id=hand.ids.new())
    return await claim.claim_call(hand.runtime, hand.caller, seat.asked.call_id, asked)


async def go_on(seat: Seat, hand: Hand) -> object:
    """Say that the refund succeeded, and prepare the next model request with it."""
    if seat.call is None:
        return None
    asked = ReportReceipt(
        call_id=seat.call.call_id,
        idempotency_key=seat.receipt_key,
        status=ReceiptStatus.SUCCEEDED,
        arguments_hash=seat.call.arguments_hash,
        output="{}",
        next=PrepareRequest(request_hash=REQUEST_HASH),
    )
    raw = msgspec.json.encode(asked)
    return await steps.report_and_prepare(hand.runtime, hand.caller, asked, raw)


async def sweep(hand: Hand) -> object:
    """Sweep the session, again where its facts had moved, as the loop does."""
    for _ in range(ROUNDS_MAX):
        code = await hand.sweep()
        if code != "redo":
            break
    return code


async def start(seat: Seat, hand: Hand) -> object:
    """Redeem the grant of the refund, if one was given."""
    return None if seat.call is None else await hand.start(seat.call, seat.start_id)


async def report(seat: Seat, hand: Hand, status: ReceiptStatus) -> object:
    """Say what became of the refund, if it was granted."""
    if seat.call is None:
        return None
    return await hand.report(seat.call, status, key=f"{seat.receipt_key}-{status}", output={})


async def settle(seat: Seat, hand: Hand, outcome: ReceiptStatus) -> object:
    """Settle the refund on the operator's word."""
    if seat.call is None:
        return None
    return await hand.settle(seat.call, outcome, settlement_id=seat.settlement_id)


async def steal(seat: Seat) -> object:
    """Take the lease from whoever has it, for the heir."""
    answer = await seat.operator.lease(LeaseAction.STEAL, holder=seat.heir.holder)
    seat.heir.fence = answer.fence
    return answer


async def close(hand: Hand) -> CloseAnswer:
    """Close the session."""
    asked = CloseSession(reason="it is done")
    return await closings.close_session(hand.side.db.hot, hand.ids, hand.caller, asked)


async def kill(hand: Hand, kind: Literal["tenant", "agent", "tool"], target: str = "") -> object:
    """Stop something wider than the session."""
    asked = SetControl(kind=kind, target=target, effect=ControlEffect.KILL, reason="enough")
    key = hand.ids.new().hex
    return await controls.set_control(hand.side.db.hot, hand.ids, hand.key, asked, key)


WORKS: Final[dict[str, tuple[str, Work]]] = {
    "worker proposes": ("worker", lambda seat: propose(seat, seat.worker)),
    "worker notes": ("worker", lambda seat: ask_again(seat.worker, *NOTE)),
    "worker refunds": ("worker", lambda seat: ask_again(seat.worker, *seat.order)),
    "worker calls at once": ("worker", lambda seat: call_at_once(seat.worker, *NOTE)),
    "worker claims": ("worker", lambda seat: take(seat, seat.worker)),
    "worker succeeds and goes on": ("worker", lambda seat: go_on(seat, seat.worker)),
    "twin calls at once": ("twin", lambda seat: call_at_once(seat.twin, *NOTE)),
    "twin claims": ("twin", lambda seat: take(seat, seat.twin)),
    "session is swept": ("stopper", lambda seat: sweep(seat.stopper)),
    "worker starts": ("worker", lambda seat: start(seat, seat.worker)),
    "worker succeeds": ("worker", lambda seat: report(seat, seat.worker, ReceiptStatus.SUCCEEDED)),
    "worker fails": ("worker", lambda seat: report(seat, seat.worker, ReceiptStatus.FAILED)),
    "worker renews": ("worker", lambda seat: seat.worker.lease(LeaseAction.RENEW)),
    "worker releases": ("worker", lambda seat: seat.worker.lease(LeaseAction.RELEASE)),
    "worker closes": ("worker", lambda seat: close(seat.worker)),
    "twin proposes": ("twin", lambda seat: propose(seat, seat.twin)),
    "twin starts": ("twin", lambda seat: start(seat, seat.twin)),
    "twin takes the lease anew": ("twin", lambda seat: seat.twin.lease()),
    "twin notes": ("twin", lambda seat: ask_again(seat.twin, *NOTE)),
    "twin fails": ("twin", lambda seat: report(seat, seat.twin, ReceiptStatus.FAILED)),
    "heir is given the lease": ("operator", steal),
    "heir takes the lease": ("heir", lambda seat: seat.heir.lease()),
    "heir refunds": ("heir", lambda seat: ask_again(seat.heir, *seat.order)),
    "heir notes": ("heir", lambda seat: ask_again(seat.heir, *NOTE)),
    "operator says it succeeded": (
        "operator",
        lambda seat: settle(seat, seat.operator, ReceiptStatus.SUCCEEDED),
    ),
    "session is killed": ("stopper", lambda seat: seat.stopper.kill()),
    "session is closed": ("stopper", lambda seat: close(seat.stopper)),
    "tenant is killed": ("stopper", lambda seat: kill(seat.stopper, "tenant")),
    "agent is killed": ("stopper", lambda seat: kill(seat.stopper, "agent", AGENT)),
    "tool is killed": ("stopper", lambda seat: kill(seat.stopper, "tool", REFUND)),
    "operator settles": (
        "stopper",
        lambda seat: settle(seat, seat.stopper, ReceiptStatus.SUCCEEDED),
    ),
}
WIDE: Final = ("tenant is killed", "agent is killed", "tool is killed")


@dataclass(frozen=True)
class Combination:
    """Three scripts on one ground.

    `open` has a prepared request, `granted` a refund that was granted, `overdue` one whose grant
    has run out, and `asked` a call that people have approved.
    """

    ground: str
    worker: tuple[str, ...]
    rival: tuple[str, ...]
    stopper: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as a sentence."""
        return f"{self.ground}: {', '.join((*self.worker, *self.rival, *self.stopper))}"

    @property
    def wide(self) -> str | None:
        """Return the kill in it that is wider than the session, if there is one."""
        return next((name for name in self.stopper if name in WIDE), None)


class GraveDesk(Desk):
    """A desk in production, whose judgments somebody takes on before it is approved."""

    async def approve_again(self, document: dict[str, Any] | None = None) -> None:
        """Have a contract approved, every judgment about it resolved."""
        story = self.story
        draft = await story.draft(self.workspace)
        await story.command(draft, importing(document or contract()))
        found = await story.snapshot(draft)
        for place, judgment in enumerate(found.judgments, start=1):
            resolved = ResolveJudgment(judgment_id=judgment.judgment_id)
            await story.command(draft, resolved, expected=place, reason="a drill")
        snapshot = await story.snapshot(draft, expected=1 + len(found.judgments))
        request = await story.request(snapshot)
        self.approval_id = (await story.vote(request, self.signer)).approval_id


@dataclass
class Grounds:
    """Where seats are made: one tenant, and what its processes remember of it."""

    stage: Stage
    runtimes: list[Runtime]

    @classmethod
    async def laid(cls, stage: Stage) -> "Grounds":
        """Lay them for a tenant of its own in production, whose refunds are grave."""
        client, db, ids = stage.desk.client, stage.desk.db, stage.desk.ids
        desk = GraveDesk(client, db, ids, await found(db, ids))
        await desk.approve(stage.keys, contract(), Environment.PRODUCTION)
        own = Stage(stage.sides, stage.watch, stage.owner, desk, stage.keys, stage.place)
        runtimes = [own.hand(side, desk.ids.new()).runtime for side in range(SIDES)]
        return cls(own, runtimes)

    async def seats(self, ground: str, number: int) -> list[Seat]:
        """Open so many sessions and lead each to a ground."""
        seats = [self._seat(session_id) for session_id in await self._opened(number)]
        async with self.stage.sides[0].holding():
            for seat in seats:
                await seat.worker.lease()
                seat.twin.fence = seat.worker.fence
                seat.prepared = await seat.worker.prepare()
                if ground in {"granted", "overdue"}:
                    await propose(seat, seat.worker)
                    seat.prepared = None
                elif ground == "asked":
                    answer = await seat.worker.propose(seat.prepared, ESCALATE)
                    seat.asked, seat.prepared = answer.calls[0], None
        if ground == "overdue":
            await self._run_out(seats)
        if ground == "asked":
            for seat in seats:
                await self._approve(seat)
        return seats

    async def _run_out(self, seats: Sequence[Seat]) -> None:
        """Let every grant of these sessions have run out, as only time can."""
        tenant = str(self.stage.desk.workplace.tenant_id)
        async with self.stage.owner.transaction():
            await self.stage.owner.execute("SELECT set_config('placet.tenant', $1, true)", tenant)
            await self.stage.owner.execute(
                "UPDATE placet.replay_pending_call SET grant_expires_at = clock_timestamp()"
                " WHERE session_id = ANY ($1)",
                [seat.session_id for seat in seats],
            )
            await self.stage.owner.execute(DUE_NOW, [seat.session_id for seat in seats])

    async def _approve(self, seat: Seat) -> None:
        """Have people say yes to what the session asks."""
        assert seat.asked is not None
        desk = self.stage.desk
        people = AskDesk(desk.client, desk.db, desk.ids, desk.workplace)
        said = await people.vote(seat.session_id, desk.signer, {"call_id": str(seat.asked.call_id)})
        assert said.status_code == 201, said.text

    async def _opened(self, number: int) -> list[UUID]:
        """Open sessions as the first one was opened, without looking again at what is approved."""
        desk, policies = self.stage.desk, self.runtimes[0].policies
        opened: list[UUID] = []
        async with desk.db.writing(desk.runtime) as tx:
            asked = OpenSession()
            first = await sessions.open_session(tx, desk.runtime, asked, policies, desk.ids)
            row = await session_store.get_session(tx, first.session_id)
            opened.append(row.session_id)
            while len(opened) < number:
                one = structs.replace(row, session_id=StreamId(desk.ids.new()))
                said = new_event(desk.ids, said_of(one))
                code, *_ = await session_store.open_session(tx, one, said)
                assert code == "ok"
                opened.append(one.session_id)
        return opened

    def _seat(self, session_id: UUID) -> Seat:
        ids, stage = self.stage.desk.ids, self.stage
        worker = stage.hand(0, session_id)
        seat = Seat(
            stage=stage,
            worker=worker,
            twin=worker.twin(stage.sides[1]),
            heir=stage.hand(1, session_id),
            operator=stage.operator(worker, 1),
            stopper=stage.operator(worker, 2),
            order=refund(stage.order()),
            start_id=ids.new(),
            settlement_id=ids.new(),
            receipt_key=ids.new().hex,
        )
        hands = (seat.worker, seat.twin, seat.heir, seat.operator, seat.stopper)
        for hand in hands:
            hand.runtime = self.runtimes[stage.sides.index(hand.side)]
        return seat

    async def rewind(self) -> None:
        """Have every control gone as if it had never been set, which no application can do."""
        tenant = str(self.stage.desk.workplace.tenant_id)
        async with self.stage.owner.transaction():
            await self.stage.owner.execute("SELECT set_config('placet.tenant', $1, true)", tenant)
            await self.stage.owner.execute(
                "UPDATE placet.authority_control SET lifted_epoch = set_epoch"
                " WHERE lifted_epoch IS NULL;"
                "UPDATE placet.authority_control_gate SET control_epoch = 0"
            )


def said_of(session: ReplaySession) -> SessionOpened:
    """Return what is said when this session is opened."""
    return SessionOpened(
        session_id=session.session_id,
        plan_id=session.plan_id,
        agent=session.agent,
        environment=session.environment,
        mode=session.mode,
        tier=session.tier,
        artifact_id=session.artifact_id,
        compiled_session_hash=session.compiled_session_hash,
        contract_hash=session.contract_hash,
        phase=session.current_phase,
    )


def actors(seat: Seat, combination: Combination) -> list[Actor]:
    """Return who acts in a play, each on a connection of its own."""
    scripts = (combination.worker, combination.rival, combination.stopper)
    return [
        Actor(seat.stage.sides[number], seat.steps(script))
        for number, script in enumerate(scripts)
        if script
    ]
