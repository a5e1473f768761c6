"""Proposal: consume a prepared request, register every call, sign a grant for each that may run."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID

import msgspec

from placet.evidence.dsse import Envelope
from placet.evidence.fields import ControlSeen, Fence
from placet.evidence.grant import Grant, sign_grant
from placet.kernel.refusals import NotFound
from placet.kernel.value import Value
from placet.policy.loaded import Policy
from placet.replay.calls import store
from placet.replay.calls.answers import CallOutcome, ProposalAnswer
from placet.replay.calls.memory import Known
from placet.replay.calls.model import ERASED, CallStatus
from placet.replay.calls.next_call import CountedCall
from placet.replay.calls.proposal import decide_proposal
from placet.replay.calls.runtime import ATTEMPTS, COLD, HASTY, Runtime
from placet.replay.calls.tool_calls import (
    DecidedProposal,
    KeptAnswer,
    KeptOutcome,
    ProposeCalls,
    Proposed,
    read_proposal,
)
from placet.replay.calls.widening import patient, widened
from placet.replay.calls.writes import Caller, Decided, ProposalWrite
from placet.replay.sessions.binding import encode_binding
from placet.replay.sessions.codes import STALE, STALE_TIME, refusal
from placet.replay.sessions.rules import encode_state, opening_state
from placet.storage.database import HotPool, HotRow

KEY_LIST_VERSION: Final = 1
_KEPT: Final = msgspec.json.Decoder(KeptAnswer)
_UNKNOWN: Final = DecidedProposal(
    rows=[],
    answer=KeptAnswer(phase=None, calls=[]),
    said=[],
    state=opening_state(None),
    closes=False,
    granted=0,
    holds_from=None,
    holds_until=None,
)


Send: TypeAlias = Callable[[HotPool, Caller, Decided, ProposalWrite], Awaitable[HotRow]]
"""What has a decided proposal written."""


class Granted(Value, frozen=True):
    """What the database says of the grants of one proposal: under what, and since when."""

    fence: Fence
    control: ControlSeen
    at: datetime


async def propose_calls(
    runtime: Runtime, caller: Caller, asked: ProposeCalls, raw: bytes
) -> ProposalAnswer:
    """Decide and register the calls of a model's response; the same body again, the same answer."""
    proposed = read_proposal(asked, raw, runtime.ids)
    return await register_calls(runtime, caller, proposed, store.propose)


async def register_calls(
    runtime: Runtime, caller: Caller, proposed: Proposed, send: Send
) -> ProposalAnswer:
    """Decide what was proposed and have it written by `send`, again where the facts were others."""
    known = runtime.find(caller.key, caller.session_id)
    taken: frozenset[bytes] = frozenset()
    last = STALE
    for attempt in range(ATTEMPTS):
        decided, version = await _decide(runtime, known, proposed, taken)
        if attempt >= HASTY:
            decided = msgspec.structs.replace(decided, left=patient(decided.left))
        write = _write(runtime, proposed, decided)
        async with runtime.lanes.through(write.left.tallied):
            row = await send(runtime.db.hot, caller, version, write)
        match row["code"]:
            case "redo":
                known = runtime.learn(caller.key, caller.session_id, row["facts"], known)
                is_same = version.version == known.state_version and not known.left.has_others
                last = STALE_TIME if is_same else STALE
                taken |= frozenset(row["taken"] or ())
            case "ok":
                assert known is not None, "facts were known, or it were `redo`"  # noqa: S101 -- COLD matches no version
                policy = (await runtime.pinned(known)).policy
                _remember(policy, known, decided, proposed, row)
                return await _answer(runtime, caller, proposed, known, row)
            case "replayed":
                known = runtime.learn(caller.key, caller.session_id, row["facts"], known)
                return await _answer(runtime, caller, proposed, known, row)
            case code:
                raise refusal(code)
    raise refusal(last)


async def _decide(
    runtime: Runtime, known: Known | None, proposed: Proposed, taken: frozenset[bytes]
) -> tuple[DecidedProposal, Decided]:
    if known is None:
        return _UNKNOWN, Decided(version=COLD)
    pinned = await runtime.pinned(known)
    facts = known.facts(pinned.policy, runtime.now(), taken)
    decided = decide_proposal(
        pinned.policy, known.state, facts, known.mode, proposed, known.standing
    )
    left = widened(pinned.policy, known, facts, decided)
    decided = msgspec.structs.replace(decided, left=left)
    return decided, Decided(
        version=known.state_version,
        holds_from=decided.holds_from,
        holds_until=decided.holds_until,
        tools_told=known.tools_told,
    )


def _write(runtime: Runtime, proposed: Proposed, decided: DecidedProposal) -> ProposalWrite:
    return ProposalWrite(
        prepared_request_id=proposed.prepared_request_id,
        request_hash=bytes.fromhex(proposed.request_hash),
        proposal_hash=proposed.proposal_hash,
        rows=decided.rows,
        answer=msgspec.json.encode(decided.answer),
        state=encode_state(decided.state),
        phase=decided.state.phase,
        closes=decided.closes,
        granted=decided.granted,
        left=decided.left,
        stop=decided.stop,
        events=[runtime.event(said) for said in decided.said],
    )


def _remember(
    policy: Policy, known: Known, decided: DecidedProposal, proposed: Proposed, row: HotRow
) -> None:
    phase, at = known.state.phase, row["decided_at"]
    known.moved(decided.state, row["state_version"], at)
    deadlines = [at + timedelta(seconds=one.ask_seconds) for one in decided.rows if one.ask_seconds]
    if deadlines:
        known.waiting_since = known.waiting_since or at
        known.waiting_until = max([*deadlines, known.waiting_until or at])
    texts = {call_id: call.arguments.encode() for call_id, call in proposed.calls}
    for call in decided.rows:
        if call.counts:
            counted = CountedCall(
                call_id=call.call_id,
                tool=call.tool_name,
                arguments=texts[call.call_id],
                phase=phase,
                step=row["request_seq"],
                since=at,
                status=call.status,
                holding=decided.holdings[call.call_id],
            )
            known.granted(policy, counted, decided.left)


class _Signing(Value, frozen=True):
    """Everything about the grants of one proposal that is not the call itself."""

    runtime: Runtime
    known: Known
    caller: Caller
    step: int
    artifact_hash: str
    granted: Granted | None
    signable: frozenset[UUID]
    audiences: dict[str, str]


async def _answer(
    runtime: Runtime, caller: Caller, proposed: Proposed, known: Known, row: HotRow
) -> ProposalAnswer:
    if row["answer"] == ERASED:
        raise NotFound(detail="what was answered to this was erased")
    kept = _KEPT.decode(row["answer"])
    return ProposalAnswer(
        prepared_request_id=proposed.prepared_request_id,
        request_seq=row["request_seq"],
        state_version=row["state_version"],
        control_revision=row["control_revision"],
        phase=kept.phase,
        calls=await sign_outcomes(runtime, caller, known, kept, row),
        binding=encode_binding(caller.holder, caller.fence.epoch, caller.fence.n),
        replayed=row["code"] == "replayed",
        stopped=kept.stop,
    )


async def sign_outcomes(
    runtime: Runtime, caller: Caller, known: Known, kept: KeptAnswer, row: HotRow
) -> list[CallOutcome]:
    """Return what became of each call, with a grant for those that the function lets be signed."""
    granted, signable = _granted(row), frozenset(row["signable"] or ())
    audiences: dict[str, str] = {}
    if granted is not None and signable:
        audiences = await runtime.audiences.at(
            runtime.db, known.tenant_id, known.environment, (granted.fence, granted.control)
        )
    signing = _Signing(
        runtime=runtime,
        known=known,
        caller=caller,
        step=row["request_seq"],
        artifact_hash=(await runtime.pinned(known)).compiled_hash,
        granted=granted,
        signable=signable,
        audiences=audiences,
    )
    return [_outcome(signing, call, row["decided_at"]) for call in kept.calls]


def _granted(row: HotRow) -> Granted | None:
    if row["granted_at"] is None:
        return None
    return Granted(
        fence=Fence(epoch=row["epoch"], n=row["fence"]),
        control=ControlSeen(
            epoch=row["grant_control_epoch"], revision=row["grant_control_revision"]
        ),
        at=row["granted_at"],
    )


def _outcome(signing: _Signing, call: KeptOutcome, decided_at: datetime) -> CallOutcome:
    granted = signing.granted if call.status is CallStatus.GRANTED else None
    expires = None if granted is None else granted.at + timedelta(milliseconds=call.grant_ms)
    asks = call.ask_seconds
    return CallOutcome(
        call_id=call.call_id,
        tool_call_id=call.tool_call_id,
        tool=call.tool,
        verdict=call.verdict,
        status=call.status,
        layer=call.layer,
        reasons=call.reasons,
        blocked_why=call.blocked_why,
        arguments_hash=call.arguments_hash,
        start_required=call.start_required,
        cancel_safe=call.cancel_safe,
        grant=_sign(signing, call, granted, expires) if call.call_id in signing.signable else None,
        grant_expires_at=expires,
        deadline=None if asks is None else decided_at + timedelta(seconds=asks),
    )


def _sign(
    signing: _Signing, call: KeptOutcome, granted: Granted | None, expires: datetime | None
) -> Envelope | None:
    if granted is None or expires is None:
        return None
    known = signing.known
    return sign_grant(
        Grant(
            tenant_id=known.tenant_id,
            environment=known.environment,
            agent=known.agent,
            session_id=signing.caller.session_id,
            step=signing.step,
            call_id=call.call_id,
            server=call.server,
            tool=call.tool,
            tool_schema_hash=call.tool_schema_hash,
            arguments_hash=call.arguments_hash,
            fence=granted.fence,
            artifact_hash=signing.artifact_hash,
            control=granted.control,
            key_list_version=KEY_LIST_VERSION,
            not_before=granted.at,
            expires_at=expires,
            audience=signing.audiences.get(call.tool),
        ),
        signing.runtime.keys.grant,
    )
