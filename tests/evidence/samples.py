"""One small history, always the same, from which the tests and the vectors are made."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from placet.events.model import RecordedEvent
from placet.evidence.artifact import ArtifactPayload, sign_artifact
from placet.evidence.ask_vote import AskDecision, AskedCall, AskVote
from placet.evidence.bundle import BundleHeader, KeyPurpose, NamedKey, StreamHead
from placet.evidence.dsse import Envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.export import write_bundle
from placet.evidence.fields import ControlSeen, Fence
from placet.evidence.first_approver import FirstNaming, first_naming, sign_first_proof
from placet.evidence.grant import Grant, sign_grant
from placet.evidence.leaf import GENESIS, EventHeader, body_hash, event_leaf
from placet.evidence.receipt import HostOutcome, HostSays
from placet.evidence.vote import (
    ApprovalVote,
    CheckpointSeen,
    VoteDecision,
    VotePurpose,
    sign_vote,
)
from placet.kernel.canonical import canonical
from placet.kernel.hashing import digest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment

TENANT: Final = TenantId(UUID("01890a5d-ac96-774b-bcce-b302099a8057"))
SESSION: Final = UUID("01890a5d-ac96-774b-bcce-b302099a8058")
WORKSPACE: Final = UUID("01890a5d-ac96-774b-bcce-b302099a8059")
CONTROL: Final = UUID("01890a5d-ac96-874b-bcce-b302099a805a")
AGENT: Final = ActorId(UUID("01890a5d-ac96-774b-bcce-b302099a805b"))
PERSON: Final = ActorId(UUID("01890a5d-ac96-774b-bcce-b302099a805c"))
KILL: Final = UUID("01890a5d-ac96-774b-bcce-b302099a805d")
STARTED: Final = datetime(2026, 3, 1, 9, 30, 0, 250_000, tzinfo=UTC)

GRANT_KEY: Final = SigningKey(b"\x01" * 32)
ARTIFACT_KEY: Final = SigningKey(b"\x02" * 32)
PERSON_KEY: Final = SigningKey(b"\x03" * 32)
STRANGER_KEY: Final = SigningKey(b"\x04" * 32)
HOST_KEY: Final = SigningKey(b"\x05" * 32)


def uuid_of(name: str) -> UUID:
    """Return a UUID that is always the same for a name."""
    return UUID(bytes=hashlib.sha256(name.encode()).digest()[:16])


def hash_of(name: str) -> str:
    """Return a hash in hex that is always the same for a name."""
    return digest("sample", name.encode()).hex()


class Said(msgspec.Struct):
    """What one sample event says, and the counters in its header."""

    type: str
    body: dict[str, object]
    fence: int = 1
    control_epoch: int = 0
    revision: int = 0
    epoch: int = 1


def chained(
    stream: UUID, said: Iterable[Said], actor: ActorId = AGENT, tenant: TenantId = TENANT
) -> list[RecordedEvent]:
    """Return the events of one stream, chained as the database chains them."""
    events: list[RecordedEvent] = []
    prev = GENESIS
    for seq, one in enumerate(said, start=1):
        event_id = uuid_of(f"{stream} {seq}")
        salt = hashlib.sha256(event_id.bytes).digest()[:16]
        body = canonical(one.body)
        header = EventHeader(
            tenant_id=tenant,
            stream_id=stream,
            event_id=event_id,
            actor_id=actor,
            fence=Fence(epoch=one.epoch, n=one.fence),
            control_epoch=one.control_epoch,
            control_revision=one.revision,
            at=STARTED + timedelta(milliseconds=seq // 2),
            seq=seq,
            prev=prev,
            body_hash=body_hash(salt, body),
            type=one.type,
        )
        prev = event_leaf(header)
        plain = msgspec.structs.asdict(header)
        del plain["fence"]
        events.append(
            RecordedEvent(
                **plain, epoch=one.epoch, fence=one.fence, leaf=prev, salt=salt, body=body
            )
        )
    return events


def session_events(calls: int = 6, *, is_killed: bool = True) -> list[RecordedEvent]:
    """Return a session: opened, a lease, calls with receipts, a take-over half way, a kill."""
    said = [Said("SessionOpened", {"agent": "refund-desk"}, fence=0), Said("LeaseGranted", {})]
    for step in range(1, calls + 1):
        fence = 1 if step <= calls // 2 else 2
        said.append(
            Said("CallProposed", call_body(step, "granted" if step % 3 else "blocked"), fence)
        )
        if step == 1:
            said.append(Said("CallStarted", {"call_id": str(uuid_of("call 1"))}, fence))
        else:
            said.append(Said("ReceiptReceived", {"step": step, "status": "succeeded"}, fence))
    if is_killed:
        said.append(Said("SessionStopped", {"reason": "enough"}, fence=2, revision=1))
    return chained(SESSION, said)


def call_body(
    step: int = 1, status: str = "granted", tool: str = "refund_order"
) -> dict[str, object]:
    """Return what an event says of the call that `sample_grant` gives leave for."""
    return {
        "call_id": str(uuid_of(f"call {step}")),
        "tool": tool,
        "arguments_hash": hash_of(f"arguments {step}"),
        "status": status,
        "text": "żółw €",
    }


def control_events() -> list[RecordedEvent]:
    """Return a tenant-wide kill, and what no version knows yet."""
    body: dict[str, object] = {
        "control_id": str(KILL),
        "kind": "tenant",
        "target": "",
        "effect": "kill",
        "reason": "a drill",
    }
    said = [
        Said("ControlSet", body, fence=0, control_epoch=1),
        Said("ControlReviewed", {"control_id": str(KILL)}, fence=0, control_epoch=2),
    ]
    return chained(CONTROL, said, PERSON)


def workspace_events() -> list[RecordedEvent]:
    """Return a few events of a workspace, the body of the second erased."""
    names = ("WorkspaceCreated", "DraftOpened", "DraftCommandApplied")
    events = chained(WORKSPACE, [Said(name, {"n": 1}, fence=0) for name in names], PERSON)
    events[1] = msgspec.structs.replace(events[1], salt=None, body=None)
    return events


def sample_grant(step: int = 1, *, epoch: int = 0, revision: int = 0, fence: int = 1) -> Grant:
    """Return a grant for one call of the sample session."""
    at = STARTED + timedelta(seconds=1)
    return Grant(
        tenant_id=TENANT,
        environment=Environment.PRODUCTION,
        agent="refund-desk",
        session_id=SESSION,
        step=step,
        call_id=uuid_of(f"call {step}"),
        server="orders",
        tool="refund_order",
        tool_schema_hash=hash_of("schema"),
        arguments_hash=hash_of(f"arguments {step}"),
        fence=Fence(epoch=1, n=fence),
        artifact_hash=hash_of("artifact"),
        control=ControlSeen(epoch=epoch, revision=revision),
        key_list_version=1,
        not_before=at,
        expires_at=at + timedelta(seconds=60),
        audience=None,
    )


def sample_vote(decision: VoteDecision = VoteDecision.APPROVE) -> ApprovalVote:
    """Return the sample person's vote."""
    return ApprovalVote(
        purpose=VotePurpose.ORDINARY,
        tenant_id=TENANT,
        workspace_id=WORKSPACE,
        environment=Environment.PRODUCTION,
        request_id=uuid_of("request"),
        decision=decision,
        snapshot_id=uuid_of("snapshot"),
        snapshot_hash=hash_of("snapshot"),
        view_hash=hash_of("view"),
        source_hash=hash_of("sources"),
        command_history_hash=hash_of("commands"),
        compiler_version="1.0.0",
        artifact_hash=hash_of("artifact"),
        approval_policy_hash=hash_of("approval policy"),
        voter_id=PERSON,
        key_id=PERSON_KEY.key_id,
        latest_checkpoint=CheckpointSeen(size=12, root=hash_of("root")),
    )


ASK_VOTE: Final = AskVote(
    tenant_id=TENANT,
    workspace_id=WORKSPACE,
    environment=Environment.PRODUCTION,
    session_id=SESSION,
    decision=AskDecision.APPROVE,
    calls=tuple(
        AskedCall(
            call_id=UUID(int=number),
            arguments_hash=hash_of(f"arguments {number}"),
            view_hash=hash_of(f"ask {number}"),
        )
        for number in (1, 2)
    ),
    reason="the customer called",
    voter_id=PERSON,
    key_id=PERSON_KEY.key_id,
    latest_checkpoint=CheckpointSeen(size=12, root=hash_of("root")),
)
"""The sample person's yes to two calls of a step."""


HOST_SAYS: Final = HostSays(
    outcome=HostOutcome.SUCCEEDED,
    output_hash=hash_of("output"),
    external_ref="rf_1",
    started_at=STARTED + timedelta(seconds=2),
    completed_at=STARTED + timedelta(seconds=3),
)
"""What the sample host says of a call that it ran."""


def sample_artifact() -> ArtifactPayload:
    """Return a small artifact."""
    return ArtifactPayload(
        compiled_hash=hash_of("artifact"),
        compiler_version="1.0.0",
        snapshot_id=uuid_of("snapshot"),
        snapshot_hash=hash_of("snapshot"),
        approval_id=uuid_of("approval"),
        review='{"tools":["refund_order"]}',
        runtime='{"layers":[{"kind":"tool","verdict":"allow"}]}',
        compat="{}",
    )


def sample_naming() -> FirstNaming:
    """Return a workspace that is to be made, as a first approver in two groups agrees to it."""
    return first_naming(
        TENANT, "desk", Environment.PRODUCTION, ["risk", "legal"], uuid_of("archived workspace")
    )


def sample_envelopes() -> list[Envelope]:
    """Return one of each signed document, and a second grant."""
    return [
        sign_grant(sample_grant(1), GRANT_KEY),
        sign_grant(sample_grant(4, fence=2), GRANT_KEY),
        sign_artifact(sample_artifact(), ARTIFACT_KEY),
        sign_vote(sample_vote(), PERSON_KEY),
        sign_first_proof(sample_naming(), PERSON, PERSON_KEY),
    ]


def named_keys() -> tuple[NamedKey, ...]:
    """Return the public keys with their purposes."""
    named = (
        (GRANT_KEY, KeyPurpose.GRANT, None),
        (ARTIFACT_KEY, KeyPurpose.ARTIFACT, None),
        (PERSON_KEY, KeyPurpose.PERSON, PERSON),
    )
    return tuple(
        NamedKey(key_id=key.key_id, public_key=key.public.raw, purpose=purpose, actor_id=actor)
        for key, purpose, actor in named
    )


def header_of(
    streams: Iterable[tuple[UUID, str, list[RecordedEvent]]], tenant: UUID = TENANT
) -> BundleHeader:
    """Return the header for these streams."""
    heads = tuple(
        StreamHead(
            stream_id=stream,
            kind=kind,
            head_seq=len(events),
            head_leaf=(events[-1].leaf if events else GENESIS).hex(),
        )
        for stream, kind, events in streams
    )
    return BundleHeader(tenant_id=tenant, exported_at=STARTED, streams=heads, keys=named_keys())


def bundle_lines(
    session: list[RecordedEvent] | None = None,
    control: list[RecordedEvent] | None = None,
    envelopes: Iterable[Envelope] | None = None,
) -> list[bytes]:
    """Return the lines of a whole bundle of the sample history, parts of it given."""
    session = session_events() if session is None else session
    control = control_events() if control is None else control
    workspace = workspace_events()
    streams = [
        (CONTROL, "control", control),
        (WORKSPACE, "workspace", workspace),
        (SESSION, "session", session),
    ]
    events = [event for _, _, events in streams for event in events]
    signed = sample_envelopes() if envelopes is None else envelopes
    return list(write_bundle(header_of(streams), events, signed))
