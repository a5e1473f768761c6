"""Opening a session, its lease, and its kill."""

from datetime import UTC, datetime
from uuid import UUID

from msgspec.structs import replace

from placet.authority import store as authority
from placet.authority.tool_hosts import service as tool_hosts
from placet.events.model import GENESIS, StreamId, StreamKind, new_event, tenant_stream
from placet.events.store import append
from placet.evidence.fields import Fence
from placet.kernel.ids import Ids
from placet.kernel.principal import Attributes, Environment, Principal
from placet.kernel.refusals import ScopeMissing
from placet.kernel.value import Value
from placet.plans import service as plans
from placet.replay.assertions import service as assertions
from placet.replay.sessions import store
from placet.replay.sessions.binding import Binding, encode_binding
from placet.replay.sessions.codes import refusal
from placet.replay.sessions.expiry import EXPIRE_SESSION
from placet.replay.sessions.lease_model import (
    ChangeLease,
    LeaseAction,
    LeaseAnswer,
    LeaseGranted,
    LeaseReleased,
    LeaseStolen,
)
from placet.replay.sessions.model import (
    KillAnswer,
    KillSession,
    OpenSession,
    ReplaySession,
    SessionMode,
    SessionOpened,
    SessionStatus,
    SessionStopped,
    SessionTier,
    SessionView,
)
from placet.replay.sessions.policies import Pinned, Policies
from placet.replay.sessions.refusals import LeaseHeld, NoAuthority, ReasonMissing
from placet.replay.sessions.rules import encode_state, mode_of, opening_state, tier_of
from placet.storage.database import HotPool, Writing
from placet.storage.work import put_due
from placet.tenancy.model import ParsedKey

_NEVER = datetime.min.replace(tzinfo=UTC)


class NewSession(Value, frozen=True):
    """What a session is opened with."""

    session_id: StreamId
    agent: str
    environment: Environment
    mode: SessionMode
    plan_id: UUID
    contract_hash: str
    authority_until: datetime | None
    activation_id: UUID | None
    tier: SessionTier
    principal: Attributes


async def open_session(
    tx: Writing, principal: Principal, asked: OpenSession, policies: Policies, ids: Ids
) -> SessionView:
    """Open a session for the key's agent, on what is approved for it now.

    Refuses `no_authority` where nothing is approved, `tenant_killed` under a tenant-wide kill, and
    `artifact_revoked` or `authority_expired` where the approval ended at the same moment,
    `assertion_refused` and `principal_conflict` for what is said of whom the agent acts for.
    """
    if principal.agent is None or principal.environment is None:
        raise ScopeMissing(detail="this key is bound to no agent", scope="runtime")
    plan = await plans.find_plan(tx, principal.agent, principal.environment)
    if plan is None or plan.artifact_id is None:
        raise NoAuthority(detail="nothing is approved for this agent in this environment")
    artifact = await authority.get_artifact(tx, plan.artifact_id)
    pinned = await policies.keep(tx, artifact)
    acting = await assertions.read_acting(tx, principal, asked.assertion)
    session = _new_session(
        tx,
        NewSession(
            session_id=StreamId(ids.new()),
            agent=principal.agent,
            environment=principal.environment,
            mode=mode_of(principal.environment, plan.enforcement, asked.mode),
            plan_id=plan.plan_id,
            contract_hash=artifact.contract_hash,
            authority_until=plan.approval_expires_at,
            activation_id=plan.activation_id,
            tier=tier_of(pinned.policy, await tool_hosts.read_strengths(tx, principal.environment)),
            principal=acting.principal,
        ),
        pinned,
    )
    if (moved := await plans.mark_enforcing(tx, plan)) is not None:
        stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
        await append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, moved)])
    if (lasts := pinned.policy.limits.lasts) is not None:
        await put_due(tx, EXPIRE_SESSION, session.session_id, await tx.now() + lasts)
    # Last, because it holds the gate: a kill waits for whoever holds it.
    said = new_event(ids, _opened(session, acting.envelope))
    code, created_at, epoch = await store.open_session(tx, session, said, acting.asserted)
    if code != "ok" or created_at is None or epoch is None:
        raise assertions.find_refusal(code) or refusal(code)
    return view_of(replace(session, epoch=epoch), created_at)


async def change_lease(  # noqa: PLR0913, PLR0917 -- the hot path takes what it needs, no more
    hot: HotPool,
    ids: Ids,
    key: ParsedKey,
    session_id: UUID,
    asked: ChangeLease,
    binding: Binding | None,
) -> LeaseAnswer:
    """Grant, renew, release or steal the lease of a session.

    Refuses `lease_held`, `lease_lost`, a status that takes no writer, `reason_missing` for a steal
    without one.
    """
    if asked.action is LeaseAction.STEAL and not asked.reason:
        raise ReasonMissing(detail="stealing a lease needs a reason")
    fence = (0, 0) if binding is None else (binding.epoch, binding.fence)
    row = await store.change_lease(
        hot,
        key.key_id,
        key.secret_hash,
        StreamId(session_id),
        asked,
        fence,
        new_event(ids, _said(asked)),
    )
    code: str = row["code"]
    if code == "lease_held":
        raise LeaseHeld(
            detail="another holder has the lease",
            holder=row["holder"],
            lease_expires_at=row["lease_expires_at"],
        )
    if code != "ok":
        raise refusal(code, scope="operate" if asked.action is LeaseAction.STEAL else "runtime")
    return LeaseAnswer(
        outcome=_OUTCOMES[asked.action],
        holder=row["holder"],
        fence=Fence(epoch=row["epoch"], n=row["fence"]),
        lease_expires_at=row["lease_expires_at"],
        ttl_seconds=asked.ttl_seconds,
        binding=encode_binding(row["holder"], row["epoch"], row["fence"]),
        state_version=row["state_version"],
        control_revision=row["control_revision"],
        replayed=row["replayed"],
    )


async def kill_session(
    hot: HotPool, ids: Ids, key: ParsedKey, session_id: UUID, asked: KillSession
) -> KillAnswer:
    """Stop a session for ever. Killing it twice is one kill."""
    row = await store.kill_session(
        hot,
        key.key_id,
        key.secret_hash,
        StreamId(session_id),
        asked.reason,
        new_event(ids, SessionStopped(reason=asked.reason)),
    )
    if row["code"] != "ok":
        raise refusal(row["code"], scope="operate")
    return KillAnswer(
        session_id=session_id,
        status=SessionStatus(row["status"]),
        control_revision=row["control_revision"],
        unconfirmed=list(row["unconfirmed"]),
        replayed=row["replayed"],
    )


def view_of(session: ReplaySession, created_at: datetime | None = None) -> SessionView:
    """Return a session as clients see it."""
    leased = session.holder is not None and session.lease_expires_at.year > 1
    return SessionView(
        session_id=session.session_id,
        agent=session.agent,
        environment=session.environment,
        mode=session.mode,
        tier=session.tier,
        status=session.status,
        artifact_id=session.artifact_id,
        compiled_session_hash=session.compiled_session_hash,
        contract_hash=session.contract_hash,
        state_version=session.state_version,
        control_revision=session.control_revision,
        current_phase=session.current_phase,
        total_tool_calls=session.total_tool_calls,
        total_step_count=session.total_step_count,
        fence=Fence(epoch=session.epoch, n=session.fence),
        holder=session.holder,
        lease_expires_at=session.lease_expires_at if leased else None,
        created_at=created_at or session.created_at,
        ended_at=session.ended_at,
        ended_why=session.ended_why,
        labels=session.labels,
        filtered_tools=session.filtered,
    )


_OUTCOMES = {
    LeaseAction.GRANT: "granted",
    LeaseAction.RENEW: "renewed",
    LeaseAction.RELEASE: "released",
    LeaseAction.STEAL: "stolen",
}


def _said(asked: ChangeLease) -> Value:
    match asked.action:
        case LeaseAction.STEAL:
            return LeaseStolen(
                holder=asked.holder,
                request_id=asked.request_id,
                ttl_seconds=asked.ttl_seconds,
                reason=asked.reason or "",
            )
        case LeaseAction.RELEASE:
            return LeaseReleased(holder=asked.holder)
        case _:
            return LeaseGranted(
                holder=asked.holder, request_id=asked.request_id, ttl_seconds=asked.ttl_seconds
            )


def _new_session(tx: Writing, asked: NewSession, pinned: Pinned) -> ReplaySession:
    """Return the row of a session in which nothing has happened.

    The database sets its times and its epoch.
    """
    phase = pinned.policy.initial_phase
    return ReplaySession(
        tenant_id=tx.tenant_id,
        session_id=asked.session_id,
        plan_id=asked.plan_id,
        agent=asked.agent,
        environment=asked.environment,
        mode=asked.mode,
        tier=asked.tier,
        status=SessionStatus.ACTIVE,
        artifact_id=pinned.artifact_id,
        compiled_session_hash=pinned.compiled_hash,
        contract_hash=asked.contract_hash,
        state_version=1,
        control_revision=0,
        current_phase=phase,
        total_tool_calls=0,
        total_step_count=0,
        state=encode_state(opening_state(phase)),
        holder=None,
        epoch=1,
        fence=0,
        lease_request_id=None,
        lease_expires_at=_NEVER,
        next_request_seq=1,
        next_seq=1,
        head=GENESIS,
        last_event_at=_NEVER,
        next_due_at=_NEVER,
        opened_by=tx.actor_id,
        created_at=_NEVER,
        ended_at=None,
        ended_why=None,
        authority_until=asked.authority_until,
        activation_id=asked.activation_id,
        principal=asked.principal,
    )


def _opened(session: ReplaySession, assertion: bytes | None) -> SessionOpened:
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
        principal=session.principal,
        assertion=None if assertion is None else assertion.decode(),
    )
