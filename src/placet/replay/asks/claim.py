"""Claim: grant what people said yes to, or say why not, on the facts of this moment."""

from typing import Final
from uuid import UUID

import msgspec

from placet.kernel.refusals import NotFound, Refusal
from placet.kernel.value import Value
from placet.policy.facts import Facts
from placet.policy.loaded import Policy
from placet.replay.asks import store
from placet.replay.asks.answers import ClaimAnswer, ClaimCall
from placet.replay.asks.deciding import DecidedClaim, ToldStep, decide_claim, has_fallen
from placet.replay.asks.model import AskClosed, AskOpen
from placet.replay.asks.writes import ClaimWrite
from placet.replay.calls.memory import Known
from placet.replay.calls.model import ERASED, CallStatus
from placet.replay.calls.next_call import CountedCall
from placet.replay.calls.propose import sign_outcomes
from placet.replay.calls.runtime import ATTEMPTS, COLD, HASTY, Runtime
from placet.replay.calls.tool_calls import KeptAnswer
from placet.replay.calls.widening import patient, widened
from placet.replay.calls.writes import Caller, Decided
from placet.replay.sessions.binding import encode_binding
from placet.replay.sessions.codes import STALE, STALE_TIME, refusal
from placet.replay.sessions.rules import encode_state
from placet.storage.database import HotRow

_TOLD: Final = msgspec.json.Decoder(ToldStep)
_KEPT: Final = msgspec.json.Decoder(KeptAnswer)


class _Claim(Value, frozen=True):
    """A claim that was decided, and the facts that it was decided on."""

    known: Known
    decided: DecidedClaim

    def version(self) -> Decided:
        """Return the version of those facts, and when the decision holds."""
        return Decided(
            version=self.known.state_version,
            holds_from=self.decided.holds_from,
            holds_until=self.decided.holds_until,
            tools_told=self.known.tools_told,
        )


async def claim_call(
    runtime: Runtime,
    caller: Caller,
    call_id: UUID,
    asked: ClaimCall,
    told: ToldStep | None = None,
) -> ClaimAnswer:
    """Judge a call again that people said yes to, and grant it if it may run.

    `told` is its step as it was last looked at; with it, and with the session remembered, a claim
    is one round trip. Refuses `ask_open` while people are still asked, and `ask_closed` where the
    call waits no more.
    """
    claim = await _guessed(runtime, caller, (asked.claim_id, call_id), told)
    taken: frozenset[bytes] = frozenset()
    last = STALE
    for attempt in range(ATTEMPTS):
        version = Decided(version=COLD) if claim is None else claim.version()
        write = _write(runtime, call_id, asked.claim_id, claim)
        if attempt >= HASTY:
            write = msgspec.structs.replace(write, left=patient(write.left))
        async with runtime.lanes.through(write.left.tallied):
            row = await store.claim(runtime.db.hot, caller, version, write)
        match row["code"]:
            case "redo":
                taken |= frozenset(row["taken"] or ())
                claim = await _decide(runtime, caller, (asked.claim_id, call_id), row, taken)
                is_same = claim.known.state_version == version.version
                last = STALE_TIME if is_same and not row["taken"] else STALE
            case "ok":
                assert claim is not None, "it was decided, or it were `redo`"  # noqa: S101 -- COLD matches no version
                policy = (await runtime.pinned(claim.known)).policy
                _remember(policy, claim, row)
                return await _answer(runtime, caller, asked, claim.known, row)
            case "replayed":
                before = runtime.find(caller.key, caller.session_id)
                known = runtime.learn(caller.key, caller.session_id, row["facts"], before)
                return await _answer(runtime, caller, asked, known, row)
            case code:
                raise _refusal(code, row["call_status"])
    raise refusal(last)


def _closed(status: str | None) -> AskClosed:
    known = None if status is None else CallStatus(status)
    return AskClosed(detail="this call waits for nobody any more", call_status=known)


def _refusal(code: str, status: str | None) -> Refusal:
    match code:
        case "ask_open":
            return AskOpen(detail="people have not said yes to this call")
        case "ask_closed":
            return _closed(status)
        case _:
            return refusal(code)


async def _guessed(
    runtime: Runtime, caller: Caller, claim: tuple[UUID, UUID], told: ToldStep | None
) -> _Claim | None:
    """Return a claim decided on what is remembered, or none where that would grant nothing."""
    known = runtime.find(caller.key, caller.session_id)
    if known is None or told is None:
        return None
    if told.state_version != known.state_version:
        # Which calls of the step count may have changed since somebody looked.
        return None
    policy = (await runtime.pinned(known)).policy
    if has_fallen(policy, told):
        return None
    decided = _judged(policy, known, known.facts(policy, runtime.now()), told, claim)
    return _Claim(known=known, decided=decided) if decided.granted else None


def _judged(
    policy: Policy, known: Known, facts: Facts, told: ToldStep, claim: tuple[UUID, UUID]
) -> DecidedClaim:
    decided = decide_claim(policy, known.state, facts, told, claim)
    left = widened(policy, known, facts, decided)
    return msgspec.structs.replace(decided, left=left)


async def _decide(
    runtime: Runtime,
    caller: Caller,
    claim: tuple[UUID, UUID],
    row: HotRow,
    taken: frozenset[bytes],
) -> _Claim:
    before = runtime.find(caller.key, caller.session_id)
    known = runtime.learn(caller.key, caller.session_id, row["facts"], before)
    told = _TOLD.decode(row["facts"])
    policy = (await runtime.pinned(known)).policy
    if has_fallen(policy, told):
        raise _closed(row["call_status"])
    facts = known.facts(policy, runtime.now(), taken)
    decided = _judged(policy, known, facts, told, claim)
    if not decided.rows:
        raise AskOpen(detail="another call of the response still waits for people")
    return _Claim(known=known, decided=decided)


def _write(runtime: Runtime, call_id: UUID, claim_id: UUID, claim: _Claim | None) -> ClaimWrite:
    if claim is None:
        return ClaimWrite(call_id=call_id, claim_id=claim_id)
    decided = claim.decided
    return ClaimWrite(
        call_id=call_id,
        claim_id=claim_id,
        approved=decided.approved,
        rows=decided.rows,
        answer=msgspec.json.encode(decided.answer),
        state=encode_state(decided.state),
        phase=decided.state.phase,
        closes=decided.closes,
        granted=decided.granted,
        left=decided.left,
        events=[runtime.event(said) for said in decided.said],
    )


def _remember(policy: Policy, claim: _Claim, row: HotRow) -> None:
    known, decided = claim.known, claim.decided
    phase, at = known.state.phase, row["decided_at"]
    known.moved(decided.state, row["state_version"], at)
    for call in decided.rows:
        if call.status is CallStatus.GRANTED:
            counted = CountedCall(
                call_id=call.call_id,
                tool=call.tool_name,
                arguments=decided.texts[call.call_id],
                phase=phase,
                step=row["request_seq"],
                since=at,
                status=call.status,
                holding=decided.holdings[call.call_id],
            )
            known.granted(policy, counted, decided.left)
    # How long the session has waited is the database's to say: the next decision asks again.
    known.state_version = COLD


async def _answer(
    runtime: Runtime, caller: Caller, asked: ClaimCall, known: Known, row: HotRow
) -> ClaimAnswer:
    if row["answer"] == ERASED:
        raise NotFound(detail="what was answered to this was erased")
    kept = _KEPT.decode(row["answer"])
    return ClaimAnswer(
        claim_id=asked.claim_id,
        request_seq=row["request_seq"],
        state_version=row["state_version"],
        control_revision=row["control_revision"],
        phase=kept.phase,
        calls=await sign_outcomes(runtime, caller, known, kept, row),
        binding=encode_binding(caller.holder, caller.fence.epoch, caller.fence.n),
        replayed=row["code"] == "replayed",
    )
