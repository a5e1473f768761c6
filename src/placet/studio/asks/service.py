"""Showing asks, and counting a signed vote on them."""

import dataclasses
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from placet.authority import store as authority
from placet.authority.checkpoints import service as checkpoints
from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.evidence.ask_vote import AskVote
from placet.evidence.dsse import EnvelopeRefused, encode_envelope, parse_envelope
from placet.kernel.ids import ActorId, Ids
from placet.kernel.principal import Principal
from placet.kernel.refusals import NotFound
from placet.policy.model import Gate
from placet.replay.asks import store as asks
from placet.replay.asks.model import AskStatus, AskVoted
from placet.replay.asks.writes import AskedWrite, VoteWrite
from placet.replay.calls.model import ReplayPendingCall
from placet.replay.sessions.codes import STALE, refusal
from placet.replay.sessions.policies import Pinned, Policies
from placet.storage.database import Reading, Writing
from placet.studio.asks import reading, rules
from placet.studio.asks.model import (
    AskAnswered,
    AskCase,
    AskListed,
    AskObjection,
    AskPanel,
    AskShown,
    AskVoteAnswer,
    AskVoteCast,
    CastAskVote,
)

ATTEMPTS: Final = 4
"""Once, and three times on what another vote left that was counted first."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Vote:
    """A vote that was verified, its envelope and its id, and whose it is."""

    signed: AskVote
    envelope: bytes
    vote_id: UUID
    voter_id: ActorId


async def cast_vote(  # noqa: PLR0913, PLR0917 -- who, on which call, the vote, and what judges it
    tx: Writing,
    principal: Principal,
    place: tuple[UUID, UUID],
    asked: CastAskVote,
    policies: Policies,
    ids: Ids,
) -> AskVoteAnswer:
    """Count a signed vote of whoever `tx` was opened for on a call, or on several of its step.

    `place` is the session and the call that the vote was handed in for. Refuses `not_found`,
    `ask_closed`, and `ask_refused` with everything that stands against the vote.
    """
    session_id, call_id = place
    panel, pinned = await reading.read_panel(tx, principal, session_id, policies)
    await reading.read_open_case(tx, panel, pinned, call_id)
    vote = await _read_vote(tx, asked, ids)
    found = rules.check_place(vote.signed, call_id)
    if not await checkpoints.is_ours(tx, vote.signed.latest_checkpoint):
        found.append(rules.checkpoint_unknown())
    if found:
        raise rules.refused(found)
    has_role = await reading.is_approver(tx, panel)
    await _tell_authority(tx, vote, panel, ids)
    for _ in range(ATTEMPTS):
        cases = [
            await reading.read_open_case(tx, panel, pinned, each.call_id)
            for each in vote.signed.calls
        ]
        if found := rules.check_vote(vote.signed, vote.voter_id, panel, cases, has_role=has_role):
            raise rules.refused(found)
        decided = [
            (case, rules.decide_outcome(vote.signed, vote.voter_id, panel, case)) for case in cases
        ]
        match await asks.count_vote(tx, _write(panel, pinned, vote, decided, ids)):
            case "ok":
                return _answer(panel, vote, decided)
            case "ask_closed":
                raise reading.closed(None)
            case "redo":
                continue
            case code:
                raise refusal(code)
    raise refusal(STALE)


async def show_ask(
    tx: Reading, principal: Principal, place: tuple[UUID, UUID], policies: Policies
) -> AskShown:
    """Return a call that waits, or has waited, for people. Refuses `not_found` for any other."""
    session_id, call_id = place
    panel, pinned = await reading.read_panel(tx, principal, session_id, policies)
    call = await asks.get_call(tx, session_id, call_id)
    reading.check_asked(call)
    return reading.shown(panel, await reading.read_case(tx, panel, pinned, call))


async def show_waiting(
    tx: Reading, principal: Principal, calls: Sequence[ReplayPendingCall], policies: Policies
) -> list[AskListed]:
    """Return these calls that people are asked about as a list shows them, in their order.

    A call whose proposal was erased cannot be shown any more and is left out.
    """
    panels: dict[UUID, tuple[AskPanel, Pinned]] = {}
    found = []
    for call in calls:
        if call.session_id not in panels:
            panels[call.session_id] = await reading.read_panel(
                tx, principal, call.session_id, policies
            )
        panel, pinned = panels[call.session_id]
        try:
            case = await reading.read_case(tx, panel, pinned, call)
        except NotFound:
            continue
        found.append(reading.listed(panel, case))
    return found


async def _read_vote(tx: Reading, asked: CastAskVote, ids: Ids) -> _Vote:
    try:
        envelope = parse_envelope(bytes(asked.envelope))
    except EnvelopeRefused as fault:
        raise rules.refused([rules.malformed(fault.detail)]) from fault
    own = await authority.list_person_keys(tx, [tx.actor_id])
    named = await authority.find_person_key(tx, envelope.signatures[0].keyid)
    opened = rules.open_vote(envelope, own, named)
    if isinstance(opened, AskObjection):
        raise rules.refused([opened])
    return _Vote(opened, encode_envelope(envelope), ids.new(), tx.actor_id)


def _write(
    panel: AskPanel,
    pinned: Pinned,
    vote: _Vote,
    decided: Sequence[tuple[AskCase, AskStatus]],
    ids: Ids,
) -> VoteWrite:
    signed = vote.signed
    return VoteWrite(
        session_id=panel.session.session_id,
        voter_id=vote.voter_id,
        vote_id=vote.vote_id,
        decision=signed.decision,
        key_id=signed.key_id,
        envelope=vote.envelope,
        reason=signed.reason,
        is_whole=pinned.policy.gate is Gate.REJECT_ALL,
        calls=[
            AskedWrite(
                call_id=case.call.call_id,
                status=status,
                view="\\x" + case.view.hex(),
                view_hash="\\x" + case.view_hash,
                seen=0 if case.ask is None else case.ask.votes,
            )
            for case, status in decided
        ],
        events=[new_event(ids, _said(vote, case, status)) for case, status in decided],
    )


def _said(vote: _Vote, case: AskCase, status: AskStatus) -> AskVoted:
    return AskVoted(
        vote_id=vote.vote_id,
        call_id=case.call.call_id,
        tool=case.call.tool_name,
        voter_id=vote.voter_id,
        decision=vote.signed.decision,
        reason=vote.signed.reason,
        view_hash=case.view_hash,
        outcome=status,
    )


def _answer(
    panel: AskPanel, vote: _Vote, decided: Sequence[tuple[AskCase, AskStatus]]
) -> AskVoteAnswer:
    approving = rules.said(vote.signed, vote.voter_id)
    return AskVoteAnswer(
        vote_id=vote.vote_id,
        session_id=panel.session.session_id,
        decision=vote.signed.decision,
        calls=[
            AskAnswered(
                call_id=case.call.call_id,
                status=status,
                tally=rules.tally_of(panel, case, approving),
            )
            for case, status in decided
        ],
    )


async def _tell_authority(tx: Writing, vote: _Vote, panel: AskPanel, ids: Ids) -> None:
    signed = vote.signed
    said = AskVoteCast(
        vote_id=vote.vote_id,
        workspace_id=panel.workspace_id,
        session_id=panel.session.session_id,
        calls=[each.call_id for each in signed.calls],
        voter_id=vote.voter_id,
        key_id=signed.key_id,
        decision=signed.decision,
        reason=signed.reason,
        envelope=vote.envelope,
    )
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
