"""Histories of chance: sessions whose calls go as they usually do, and now and then do not.

Every event is chained as it should be, whatever it says: what is wrong with such a history is only
what it tells. Bodies have the shape that the service writes, so that they are read the quick way.
"""

import random  # noqa: TID251 -- chance that the caller gives
from collections.abc import Callable
from typing import Final
from uuid import UUID

from msgspec.structs import replace
from tests.evidence.bundle_samples import Parts, Stream, bundle_v2, sealed
from tests.evidence.samples import CONTROL, Said, chained, hash_of

TOOLS: Final = ("refund_order", "find_order")
AGENTS: Final = ("refund-desk", "claims-desk")
BARE: Final = Parts(
    streams=[],
    seals=[],
    signed=[],
    dossiers=[],
    checkpoints=[],
    inclusions=[],
    consistencies=[],
)


class Session:
    """What one session has said so far, and what it may say next."""

    def __init__(self, history: "History", number: int) -> None:
        """Open it."""
        self.stream = UUID(int=(9 << 64) + number)
        self.history = history
        self.luck = history.luck
        self.calls: list[str] = []
        self.waiting: list[tuple[str, int, str]] = []
        self.epoch = history.epoch
        self.revision = 0
        self.level = "client_reported"
        self.said: list[Said] = []
        agent = self.luck.choice(AGENTS)
        self.say("SessionOpened", {"agent": agent, "environment": "production"})

    def say(self, kind: str, body: dict[str, object]) -> None:
        """Say something, under a control epoch that may lag behind."""
        if self.luck.random() < 0.5:
            self.epoch = self.history.epoch
        self.said.append(Said(kind, body, 1, self.epoch, self.revision))
        self.history.order.append(self.stream)

    def go_on(self) -> None:
        """Take the next step of a call that is under way, begin one, or do something else."""
        if self.luck.random() < self.history.oddness:
            self.luck.choice(self.history.odd)(self)
        elif self.waiting and self.luck.random() < 0.65:
            self._step()
        elif self.history.is_over:
            self.say("Noted", {})
        else:
            self.propose(self.history.new_id(), "granted" if self.luck.random() < 0.9 else "no")

    def _step(self) -> None:
        place = self.luck.choice((0, -1))
        call, step, receipt = self.waiting.pop(place)
        if step == 0:
            self.start(call)
        elif step == 1:
            self.report(call, receipt)
        else:
            self.settle(call, receipt)
            return
        self.waiting.insert(0 if place == 0 else len(self.waiting), (call, step + 1, receipt))

    def propose(self, call: str, status: str) -> None:
        """Say that a call was decided."""
        self.say("CallProposed", proposed(call, status, self.luck.choice(TOOLS)))
        if status == "granted":
            self.calls.append(call)
            self.history.calls.append(call)
            self.waiting.append((call, 0, self.history.new_id()))

    def start(self, call: str) -> None:
        """Say that a call was started."""
        self.say("CallStarted", {"call_id": call, "start_id": self.history.new_id()})

    def report(self, call: str, receipt: str) -> None:
        """Say that a receipt came."""
        self.history.receipts.append(receipt)
        self.say("ReceiptReceived", received(call, receipt, self._claimed()))

    def _claimed(self) -> str:
        """Return the level that the next word claims."""
        level, self.level = self.level, "client_reported"
        return level

    def settle(self, call: str, receipt: str | None, **changes: object) -> None:
        """Say what became of a call."""
        told = settled(call, receipt) | {"evidence_level": self._claimed()}
        self.say("CallSettled", told | changes)

    def any_call(self) -> str:
        """Return some call: mostly one of this session."""
        mine = self.calls if self.luck.random() < 0.7 else self.history.calls
        near = mine[-4:] if self.luck.random() < 0.7 else mine
        return self.luck.choice(near) if near else self.history.new_id()

    def any_receipt(self) -> str:
        """Return some receipt that was told, if there is one."""
        known = self.history.receipts[-4:] if self.luck.random() < 0.7 else self.history.receipts
        return self.luck.choice(known) if known else self.history.new_id()


class History:
    """What is made up of one tenant. The same chance makes the same."""

    def __init__(self, luck: random.Random) -> None:
        """Make it up."""
        self.luck = luck
        self.oddness = luck.choice((0.02, 0.05, 0.1))
        self.odd = luck.sample(ODD, luck.choice((1, 1, 2)))
        self.epoch = 0
        self.is_over = False
        self.calls: list[str] = []
        self.receipts: list[str] = []
        self.order: list[UUID] = []
        self._last_id = 0
        self.control: list[Said] = []
        self.sessions = [Session(self, number) for number in range(luck.randint(1, 3))]
        for _ in range(luck.randint(10, 90)):
            luck.choice(self.sessions).go_on()

    def new_id(self) -> str:
        """Return an id that was not used."""
        self._last_id += 1
        return str(UUID(int=(self.luck.getrandbits(60) << 64) + self._last_id))

    def bundle(self) -> bytes:
        """Return it as a bundle, in which streams may be mixed."""
        streams: list[Stream] = [
            (one.stream, "session", chained(one.stream, one.said)) for one in self.sessions
        ]
        streams.append((CONTROL, "control", chained(CONTROL, self.control)))
        if self.luck.random() < 0.1:
            events = self.luck.choice(streams)[2]
            if events:
                place = self.luck.randrange(len(events))
                events[place] = replace(events[place], salt=None, body=None)
        lines = bundle_v2(replace(BARE, streams=streams))
        return sealed([*lines[:2], *self._mixed(lines[2:-1], streams)])

    def _mixed(self, lines: list[bytes], streams: list[Stream]) -> list[bytes]:
        """Return the lines of the events by stream, as they came, or mixed, but each in its turn.

        What was said of controls comes behind all others where the events stand as they came.
        """
        how = self.luck.choice(("by stream", "as they came", "as they came", "mixed"))
        if how == "by stream":
            return lines
        left: dict[UUID, list[bytes]] = {}
        for stream, _, events in streams:
            left[stream], lines = lines[: len(events)], lines[len(events) :]
        if how == "as they came":
            return [left[stream].pop(0) for stream in self.order] + left[CONTROL]
        mixed = []
        while waiting := [each for each in left.values() if each]:
            each = self.luck.choice(waiting)
            many = self.luck.randint(1, 9)
            mixed += each[:many]
            del each[:many]
        return mixed


# What does not usually happen. Some of it is allowed.


def _granted_again(session: Session) -> None:
    session.propose(session.any_call(), "granted")


def _started_again(session: Session) -> None:
    session.start(session.any_call())


def _started_unknown(session: Session) -> None:
    session.start(session.history.new_id())


def _reported_again(session: Session) -> None:
    session.report(session.any_call(), session.any_receipt())


def _reported_anew(session: Session) -> None:
    session.report(session.any_call(), session.history.new_id())


def _claims_otherwise(session: Session) -> None:
    """Let the next report or end claim another level."""
    levels = ("none", "model_claimed", "", "executor_attested", "externally_verified")
    session.level = session.luck.choice(levels)


def _settled_on_another(session: Session) -> None:
    session.settle(session.any_call(), session.any_receipt())


def _settled_by_an_operator(session: Session) -> None:
    level = session.luck.choice(("externally_verified", "client_reported", "executor_attested"))
    receipt = session.luck.choice((None, session.any_receipt()))
    by = session.history.new_id()
    session.settle(session.any_call(), receipt, settlement_id=by, evidence_level=level)


def _reconciled(session: Session) -> None:
    by, level = session.any_call(), session.luck.choice(("client_reported", "externally_verified"))
    settlement = session.luck.choice((None, session.history.new_id()))
    told = {"reconciled_by": by, "settlement_id": settlement, "evidence_level": level}
    session.settle(session.any_call(), None, **told)


def _settled_on_nothing(session: Session) -> None:
    session.settle(session.any_call(), session.luck.choice((None, session.history.new_id())))


def _stopped(session: Session) -> None:
    session.revision += 1
    session.history.is_over = session.luck.random() < 0.7
    session.say("SessionStopped", {"reason": "enough"})
    if session.luck.random() < 0.5:
        session.waiting.clear()


def _shared(session: Session) -> None:
    """Let two calls under way have one receipt."""
    if len(session.waiting) > 1:
        one, other = session.luck.sample(range(len(session.waiting)), 2)
        call, step, _ = session.waiting[one]
        session.waiting[one] = call, step, session.waiting[other][2]


def _handed_over(session: Session) -> None:
    """Let another session go on with a call."""
    if session.waiting:
        other = session.luck.choice(session.history.sessions)
        other.waiting.append(session.waiting.pop())


def _skipped(session: Session) -> None:
    """Leave a step of a call out, or take one again."""
    if session.waiting:
        place = session.luck.randrange(len(session.waiting))
        call, step, receipt = session.waiting[place]
        step = max(0, min(2, step + session.luck.choice((-1, 1))))
        session.waiting[place] = call, step, receipt


def _killed(session: Session) -> None:
    """Kill something; mostly no call is granted from then on."""
    history = session.history
    history.epoch += 1
    history.is_over = session.luck.random() < 0.7
    kind = session.luck.choice(("tenant", "tool", "tool", "agent"))
    target = {"tenant": "", "tool": TOOLS[1], "agent": AGENTS[1]}[kind]
    body: dict[str, object] = {
        "control_id": history.new_id(),
        "kind": kind,
        "target": target,
        "effect": session.luck.choice(("kill", "kill", "kill", "pause")),
    }
    history.control.append(Said("ControlSet", body, 0, history.epoch))


def _said_otherwise(session: Session) -> None:
    """Say something usual in another shape: with a member more."""
    session.go_on()
    last = session.said[-1]
    session.said[-1] = replace(last, body=last.body | {"zzz": "ż"})


def _said_unread(session: Session) -> None:
    session.say("Noted", {"n": 1})


def _epoch(session: Session) -> None:
    session.history.epoch += 1


ODD: Final[tuple[Callable[[Session], None], ...]] = (
    _granted_again,
    _started_again,
    _started_again,
    _started_unknown,
    _reported_again,
    _reported_anew,
    _reported_anew,
    _claims_otherwise,
    _claims_otherwise,
    _settled_on_another,
    _settled_by_an_operator,
    _reconciled,
    _settled_on_nothing,
    _stopped,
    _shared,
    _handed_over,
    _skipped,
    _killed,
    _killed,
    _said_otherwise,
    _said_unread,
    _said_unread,
    _epoch,
    _epoch,
)


def proposed(call: str, status: str, tool: str) -> dict[str, object]:
    """Return what tells of a decided call."""
    reason = {"code": "allowed", "detail": "the contract allows it", "rule": f"tools.{tool}"}
    return {
        "call_id": call,
        "prepared_request_id": call,
        "ordinal": 0,
        "tool_call_id": "call_1",
        "tool": tool,
        "arguments_hash": hash_of(call),
        "verdict": "allow",
        "status": status,
        "layer": 3,
        "reasons": [reason],
        "blocked_why": None,
        "effect_key": None,
        "start_required": True,
        "phase_after": None,
        "counts": True,
        "repeat": None,
        "repeats_max": 0,
        "left": None,
        "standing": None,
    }


def received(call: str, receipt: str, level: str) -> dict[str, object]:
    """Return what tells of a receipt."""
    return {
        "receipt_id": receipt,
        "call_id": call,
        "idempotency_key": receipt,
        "status": "succeeded",
        "evidence_level": level,
        "arguments_hash": hash_of(call),
        "output_hash": None,
        "external_ref": None,
        "epoch": 1,
        "fence": 1,
        "attested_by": None,
        "cost_micros": None,
    }


def settled(call: str, receipt: str | None) -> dict[str, object]:
    """Return what tells how a call ended."""
    return {
        "call_id": call,
        "tool": TOOLS[0],
        "outcome": "succeeded",
        "commit_state": "committed",
        "evidence_level": "client_reported",
        "receipt_id": receipt,
        "settlement_id": None,
        "reason": None,
        "phase_after": None,
        "phase_conflict": False,
        "remembered": None,
        "left": None,
        "step_ends": False,
        "reconciled_by": None,
    }
