"""An orphan receipt, what a reporter sends, and what is said about it."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.refusals import Invalid
from placet.kernel.value import Input, Value
from placet.replay.calls.attested import Attestation, AttestationFate
from placet.replay.calls.model import CostMicros, EvidenceLevel, ReceiptStatus

Text = Annotated[str, msgspec.Meta(max_length=2_000)]


class ReplayOrphanReceipt(Value, frozen=True):
    """A report on a call that is not known here, with the grant that proves it was granted.

    `conflicting` tells that other arguments ran than were granted. `grant_envelope` and
    `host_envelope` are canonical JSON. `effect_key` is that of the call where its arguments came
    too, and keeps the same effect from being granted again.
    """

    tenant_id: TenantId
    receipt_id: UUID
    session_id: UUID
    call_id: UUID
    agent: str
    environment: Environment
    tool_name: str
    status: ReceiptStatus
    evidence_level: EvidenceLevel
    arguments_hash: bytes
    output_hash: bytes | None
    output: bytes | None
    external_ref: str | None
    error: str | None
    started_at: datetime | None
    completed_at: datetime | None
    cost_micros: int | None
    conflicting: bool
    grant_envelope: bytes
    host_envelope: bytes | None
    reported_by: ActorId
    received_at: datetime
    effect_key: bytes | None = None


class KeepOrphan(Input, frozen=True):
    """Report what became of a call that the service does not know, with its grant.

    `grant` is the envelope as it was answered; the rest is as in any receipt. `arguments` are those
    that were granted, as JSON text: from them follows the effect key, which is then taken again.
    """

    grant: msgspec.Raw
    status: ReceiptStatus
    arguments_hash: HexDigest
    arguments: str | None = None
    output: str | None = None
    external_ref: Text | None = None
    error: Text | None = None
    started_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    completed_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    cost_micros: CostMicros | None = None
    attestation: Attestation | None = None


class OrphanKept(Value, frozen=True):
    """The answer: the receipt is kept, at this level, and settles nothing."""

    receipt_id: UUID
    call_id: UUID
    evidence_level: EvidenceLevel
    conflicting: bool
    attestation: AttestationFate | None
    received_at: datetime


class OrphanView(Value, frozen=True):
    """An orphan receipt as people read it. Hashes are hex, the envelopes base64."""

    receipt_id: UUID
    session_id: UUID
    call_id: UUID
    agent: str
    tool_name: str
    status: ReceiptStatus
    evidence_level: EvidenceLevel
    arguments_hash: str
    output_hash: str | None
    external_ref: str | None
    error: str | None
    cost_micros: int | None
    conflicting: bool
    effect_key: str | None
    grant_envelope: bytes
    host_envelope: bytes | None
    reported_by: ActorId
    received_at: datetime


class OrphanReceiptKept(Value, frozen=True):
    """Event: somebody reported on a call that is not known here, and proved that it was granted."""

    receipt_id: UUID
    session_id: UUID
    call_id: UUID
    agent: str
    tool: str
    status: ReceiptStatus
    evidence_level: EvidenceLevel
    arguments_hash: str
    output_hash: str | None
    conflicting: bool
    grant: bytes
    attestation: bytes | None
    effect_key: str | None = None


class OrphanFlaw(StrEnum):
    """Why a receipt is kept as no orphan."""

    MALFORMED = "malformed"
    TYPE = "type"
    SIGNATURE = "signature"
    PAYLOAD = "payload"
    TENANT = "tenant"
    AGENT = "agent"
    ENVIRONMENT = "environment"
    KNOWN = "known"
    ARGUMENTS = "arguments"


@dataclasses.dataclass(kw_only=True, eq=False)
class OrphanRefused(Invalid):
    """The receipt is not kept as one of a call that nobody knows."""

    hint = "send the grant as it was answered; a call that is known is reported on as usual"
    reason: OrphanFlaw
