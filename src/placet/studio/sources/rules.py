"""What of a received source may be kept, and what its workspace's sources count as."""

import base64
import binascii
import re
from typing import Final

from msgspec.structs import replace

from placet.evidence.fields import NAME_MAX
from placet.kernel.canonical import canonical
from placet.kernel.hashing import digest
from placet.studio.sources.hits import Hit, merged
from placet.studio.sources.ingest import index
from placet.studio.sources.model import (
    CONTENT_BYTES_MAX,
    FINDINGS_MAX,
    REFERENCE_MAX,
    AddSource,
    BusinessSource,
    ContentEncoding,
    CountedSource,
    FindingPlace,
    IngestionStatus,
    Material,
    Provenance,
    QuarantineReason,
    SecurityStatus,
    SourceFailure,
    SourceFinding,
    SourceMedia,
    SourceSummary,
    SourceTooLarge,
    SourceUnreadable,
)
from placet.studio.sources.scan import (
    echoes,
    redacted,
    scan,
    secrets_in,
    told,
)

ROUNDS_MAX: Final = 4
"""How often a text is scanned until nothing is found: what was replaced may bring forth more."""

_CONTROLS: Final = re.compile("[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_CONTROLS_SHARE: Final = 20
"""A text of which more than one character in so many is a control character is none."""


def examine(asked: AddSource) -> Material:
    """Return a source as it may be kept: redacted and indexed, or quarantined.

    Refuses `source_too_large` and `source_unreadable`.
    """
    data = content_bytes(asked)
    text = readable(data)
    if isinstance(text, QuarantineReason):
        return replace(_described(asked, data, "", [], set()), quarantine_reason=text)
    hits, reason = scan(text)
    secrets = secrets_in(text, hits)
    for field in (asked.title, asked.provenance.origin, asked.provenance.reference or ""):
        bare = _bare(field)
        secrets |= secrets_in(bare, scan(bare).hits)
    if reason is None:
        clean = _cleaned(text, hits, secrets, asked.media_type)
        if clean is not None:
            return _indexed(asked, data, text, clean, secrets)
        reason = QuarantineReason.NOT_REDACTABLE
    return replace(_described(asked, data, text, hits, secrets), quarantine_reason=reason)


def content_bytes(asked: AddSource) -> bytes:
    """Return the bytes of a content. Refuses `source_too_large` and `source_unreadable`."""
    try:
        if asked.encoding is ContentEncoding.BASE64:
            data = base64.b64decode(asked.content, validate=True)
        else:
            data = asked.content.encode()
    except (binascii.Error, ValueError) as fault:
        raise SourceUnreadable(detail="the content is not base64") from fault
    if len(data) > CONTENT_BYTES_MAX:
        raise SourceTooLarge(detail=f"the content has {len(data):,} bytes")
    return data


def readable(data: bytes) -> str | QuarantineReason:
    """Return the text that bytes stand for, or why they are none.

    The few control characters of a text are taken out: one within a secret would hide it.
    """
    if b"\x00" in data:
        return QuarantineReason.NUL
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return QuarantineReason.NOT_UTF8
    bare = _CONTROLS.sub("", text)
    if len(text) - len(bare) > len(text) // _CONTROLS_SHARE:
        return QuarantineReason.BINARY
    return bare


def _bare(text: str) -> str:
    """Return a text without control characters, but for one that holds nothing else."""
    return _CONTROLS.sub("", text) or text


def source_snapshot_hash(sources: list[CountedSource]) -> str:
    """Return the hash over the sources that count, in hex, whatever order they come in."""
    ordered = sorted(sources, key=lambda source: source.source_id)
    return digest("source_snapshot", canonical(ordered)).hex()


def summary_of(source: BusinessSource) -> SourceSummary:
    """Return a source without its content, findings and parts."""
    return SourceSummary(
        source_id=source.source_id,
        workspace_id=source.workspace_id,
        kind=source.kind,
        title=source.title,
        media_type=source.media_type,
        content_hash=source.content_hash,
        content_bytes=len(source.content),
        received_bytes=source.received_bytes,
        line_count=source.line_count,
        provenance=source.provenance,
        security_status=source.security_status,
        quarantine_reason=source.quarantine_reason,
        ingestion_status=source.ingestion_status,
        failure=source.failure,
        failure_line=source.failure_line,
        finding_count=source.finding_count,
        part_count=len(source.parts),
        added_by=source.added_by,
        added_at=source.added_at,
    )


def _cleaned(
    text: str, hits: list[Hit], secrets: set[str], media: SourceMedia
) -> tuple[str, list[Hit]] | None:
    """Return a text in which nothing is found any more, and what went; None if that has no end.

    The hits are those of the first round, in the places of the text as it was received.
    """
    first = merged([*hits, *echoes(text, secrets)])
    found = first
    for _ in range(ROUNDS_MAX):
        if not found:
            return text, first
        text = redacted(text, found, media)
        found = merged([*scan(text).hits, *echoes(text, secrets)])
    return None if found else (text, first)


def _indexed(
    asked: AddSource,
    data: bytes,
    received: str,
    clean: tuple[str, list[Hit]],
    secrets: set[str],
) -> Material:
    text, hits = clean
    kept = _described(asked, data, received, hits, secrets)
    content = text.encode()
    kept = replace(
        kept,
        content=content,
        content_hash=digest("source_content", content).hex(),
        line_count=text.count("\n") + (not text.endswith("\n")),
        security_status=SecurityStatus.REDACTED if kept.finding_count else SecurityStatus.CLEAN,
    )
    parts = index(text, asked.media_type)
    if isinstance(parts, SourceFailure):
        return replace(
            kept,
            ingestion_status=IngestionStatus.FAILED,
            failure=parts.message,
            failure_line=parts.line,
        )
    return replace(kept, ingestion_status=IngestionStatus.INDEXED, parts=parts)


def _described(
    asked: AddSource, data: bytes, text: str, hits: list[Hit], secrets: set[str]
) -> Material:
    """Return a quarantined source, with a title and a provenance that hold no secrets."""
    said = asked.provenance
    title, in_title = _field(asked.title, FindingPlace.TITLE, secrets)
    origin, in_origin = _field(said.origin, FindingPlace.ORIGIN, secrets)
    reference, in_reference = _field(said.reference or "", FindingPlace.REFERENCE, secrets)
    beside = [*in_title, *in_origin, *in_reference]
    return Material(
        kind=asked.kind,
        title=title,
        media_type=asked.media_type,
        content=b"",
        content_hash=None,
        received_bytes=len(data),
        line_count=0,
        provenance=Provenance(
            origin=origin, reference=reference or None, captured_at=said.captured_at
        ),
        security_status=SecurityStatus.QUARANTINED,
        quarantine_reason=None,
        ingestion_status=IngestionStatus.RECEIVED,
        failure=None,
        failure_line=None,
        findings=[*beside, *told(text, hits[: FINDINGS_MAX - len(beside)], FindingPlace.CONTENT)],
        finding_count=len(beside) + len(hits),
        parts=[],
    )


def _field(text: str, place: FindingPlace, secrets: set[str]) -> tuple[str, list[SourceFinding]]:
    """Return a title or a part of a provenance without secrets, no longer than it was taken."""
    text = _bare(text)
    clean = _cleaned(text, scan(text).hits, secrets, SourceMedia.TEXT)
    if clean is None:
        return "[redacted]", []
    most = REFERENCE_MAX if place is FindingPlace.REFERENCE else NAME_MAX
    return clean[0][:most], list(told(text, clean[1], place))
