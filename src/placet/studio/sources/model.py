"""Sources, what was found in them, and their parts."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, NewType
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest, Name, UtcTime
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Invalid, NotFound, TooLarge
from placet.kernel.value import Input, Value
from placet.studio.workspaces.model import WorkspaceId

SourceId = NewType("SourceId", UUID)

CONTENT_BYTES_MAX: Final = 5 * 1024 * 1024
BODY_BYTES_MAX: Final = 8 * 1024 * 1024
"""Bytes of the body that carries a content of full size in base64, or as text with escapes."""

FINDINGS_MAX: Final = 1_000
PARTS_MAX: Final = 2_000
LABEL_MAX: Final = 200
REFERENCE_MAX: Final = 2_000
NAMED_TOOLS_MAX: Final = 1_000


class SourceKind(StrEnum):
    """What sort of material a source is."""

    OBSERVED_RUNS = "observed_runs"
    PROMPT_SNAPSHOT = "prompt_snapshot"
    TOOL_SCHEMAS = "tool_schemas"
    UPLOADED_DOC = "uploaded_doc"
    PASTED_RULES = "pasted_rules"
    MANUAL_NOTE = "manual_note"
    CUSTOMER_CORRECTION = "customer_correction"


class SourceMedia(StrEnum):
    """The form of a source's content."""

    JSON = "json"
    YAML = "yaml"
    MARKDOWN = "markdown"
    TEXT = "text"
    JSONL = "jsonl"


class ContentEncoding(StrEnum):
    """How a content travels in a body."""

    TEXT = "text"
    BASE64 = "base64"


class SecurityStatus(StrEnum):
    """Whether a content holds what must not be kept."""

    PENDING = "pending"
    CLEAN = "clean"
    REDACTED = "redacted"
    QUARANTINED = "quarantined"


class IngestionStatus(StrEnum):
    """How far a content has been read."""

    RECEIVED = "received"
    PARSED = "parsed"
    INDEXED = "indexed"
    FAILED = "failed"


class QuarantineReason(StrEnum):
    """Why nothing of a content is kept."""

    NOT_UTF8 = "not_utf8"
    NUL = "nul"
    BINARY = "binary"
    PRIVATE_KEY = "private_key"
    TOO_MANY_SECRETS = "too_many_secrets"
    TOO_MUCH_PERSONAL_DATA = "too_much_personal_data"
    NOT_REDACTABLE = "not_redactable"


class FindingKind(StrEnum):
    """What must not be kept: secrets, from the card number on personal data."""

    PRIVATE_KEY = "private_key"
    TOKEN = "token"  # noqa: S105 -- the name of a kind
    OUR_KEY = "placet_key"
    JWT = "jwt"
    AUTHORIZATION = "authorization"
    PASSWORD = "password"  # noqa: S105 -- the name of a kind
    CREDENTIAL = "credential"
    CARD = "card"
    IBAN = "iban"
    NATIONAL_ID = "national_id"
    EMAIL = "email"
    PHONE = "phone"


class FindingPlace(StrEnum):
    """Which text of a source something was found in."""

    CONTENT = "content"
    TITLE = "title"
    ORIGIN = "origin"
    REFERENCE = "reference"


class PartKind(StrEnum):
    """What a part of a source is; `rest` is all that follows the last part that is told apart."""

    TOOL = "tool"
    CALL = "call"
    PROPERTY = "property"
    MEMBER = "member"
    ITEM = "item"
    RECORD = "record"
    VALUE = "value"
    SECTION = "section"
    PARAGRAPH = "paragraph"
    REST = "rest"


class Provenance(Input, frozen=True):
    """Where a source comes from: a system or person, a place in it, and when it was taken there."""

    origin: Name
    reference: Annotated[str, msgspec.Meta(min_length=1, max_length=REFERENCE_MAX)] | None = None
    captured_at: UtcTime | None = None


class AddSource(Input, frozen=True):
    """Add material to a workspace. `content` is up to 5 MiB, as it is or in base64."""

    kind: SourceKind
    title: Name
    media_type: SourceMedia
    content: Annotated[str, msgspec.Meta(min_length=1)]
    provenance: Provenance
    encoding: ContentEncoding = ContentEncoding.TEXT


class SourceFinding(Value, frozen=True):
    """Something that was replaced: where it stood in what was received, in characters from 1."""

    kind: FindingKind
    place: FindingPlace
    line: int
    column: int
    length: int


class SourcePart(Value, frozen=True):
    """A span of the stored content that a rule can point at.

    Lines count from 1. Bytes count from 0 in the stored UTF-8, the end being the first byte after
    the part. Parts stand in order and never overlap.
    """

    part_id: str
    kind: PartKind
    path: str | None
    label: str | None
    first_line: int
    last_line: int
    first_byte: int
    end_byte: int


class SourceFailure(Value, frozen=True):
    """Why a content could not be read as its media type, and at which line."""

    message: str
    line: int | None = None


class Material(Value, frozen=True):
    """What of a received source may be kept: everything that follows from the text alone."""

    kind: SourceKind
    title: str
    media_type: SourceMedia
    content: bytes
    content_hash: HexDigest | None
    received_bytes: int
    line_count: int
    provenance: Provenance
    security_status: SecurityStatus
    quarantine_reason: QuarantineReason | None
    ingestion_status: IngestionStatus
    failure: str | None
    failure_line: int | None
    findings: list[SourceFinding]
    finding_count: int
    parts: list[SourcePart]


class BusinessSource(Value, frozen=True):
    """Material as it is kept. `content` is redacted, and empty when quarantined.

    `received_bytes` is the size before that. `findings` are the first 1,000 of `finding_count`.
    """

    tenant_id: TenantId
    source_id: SourceId
    workspace_id: WorkspaceId
    kind: SourceKind
    title: str
    media_type: SourceMedia
    content: bytes
    content_hash: HexDigest | None
    received_bytes: int
    line_count: int
    provenance: Provenance
    security_status: SecurityStatus
    quarantine_reason: QuarantineReason | None
    ingestion_status: IngestionStatus
    failure: str | None
    failure_line: int | None
    findings: list[SourceFinding]
    finding_count: int
    parts: list[SourcePart]
    added_by: ActorId
    added_at: datetime


class SourceSummary(Value, frozen=True):
    """A source without its content, findings and parts."""

    source_id: SourceId
    workspace_id: WorkspaceId
    kind: SourceKind
    title: str
    media_type: SourceMedia
    content_hash: HexDigest | None
    content_bytes: int
    received_bytes: int
    line_count: int
    provenance: Provenance
    security_status: SecurityStatus
    quarantine_reason: QuarantineReason | None
    ingestion_status: IngestionStatus
    failure: str | None
    failure_line: int | None
    finding_count: int
    part_count: int
    added_by: ActorId
    added_at: datetime


class SourceAnswer(SourceSummary, frozen=True):
    """A source with its findings and parts."""

    findings: list[SourceFinding]
    parts: list[SourcePart]


class CountedSource(Value, frozen=True):
    """What a source counts with in `source_snapshot_hash`."""

    source_id: SourceId
    kind: SourceKind
    media_type: SourceMedia
    content_hash: HexDigest


class NamedTool(Value, frozen=True):
    """A tool that sources name: in how many parts as one of a list, and in how many as called."""

    name: str
    listed: int
    called: int


class SourceNotFound(NotFound):
    """There is no such source here."""


class SourceTooLarge(TooLarge):
    """The content is larger than a source may be."""

    hint = "a source may have 5 MiB; add it in pieces"


class SourceUnreadable(Invalid):
    """The content cannot be decoded."""

    hint = "send base64 with padding and without line breaks, or the text itself"


class SourceAdded(Value, frozen=True):
    """Event: material was added. The hash is that of the redacted content."""

    source_id: SourceId
    kind: SourceKind
    media_type: SourceMedia
    content_hash: HexDigest | None
    security_status: SecurityStatus
    ingestion_status: IngestionStatus
    finding_count: int
