"""A bundle of the second form, always the same, and the tree that its proofs come from.

The tree is written down as RFC 6962 tells it, without the code that is tested.
"""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from tests.evidence.dossier_samples import SECOND, SECOND_KEY, approval_file, dossier_keys
from tests.evidence.samples import (
    CONTROL,
    GRANT_KEY,
    PERSON,
    PERSON_KEY,
    SESSION,
    STARTED,
    TENANT,
    WORKSPACE,
    Said,
    chained,
    control_events,
    named_keys,
    sample_grant,
    session_events,
    uuid_of,
    workspace_events,
)

from placet.events.model import RecordedEvent
from placet.evidence.bundle import (
    BundleHeaderV2,
    BundleScope,
    ConsistencyLine,
    InclusionLine,
    KeyPurpose,
    ManifestV2,
    NamedKey,
    ScopeKind,
    SealLine,
    SectionHashes,
    StreamHead,
)
from placet.evidence.checkpoint import CheckpointPayload, origin_of, sign_checkpoint
from placet.evidence.dsse import Envelope, encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.export import BundleWriterV2
from placet.evidence.grant import sign_grant
from placet.evidence.key_rotation import KeyRotation, sign_rotation
from placet.evidence.leaf import GENESIS
from placet.evidence.vote import CheckpointSeen
from placet.kernel.canonical import canonical

AUTHORITY: Final = UUID("01890a5d-ac96-874b-bcce-b302099a8060")
SEALS: Final = UUID("01890a5d-ac96-874b-bcce-b302099a8061")
ERASURES: Final = UUID("01890a5d-ac96-874b-bcce-b302099a8062")
CHECKPOINT_KEY: Final = SigningKey(b"\x06" * 32)
NEW_GRANT_KEY: Final = SigningKey(b"\x07" * 32)
NEWEST_GRANT_KEY: Final = SigningKey(b"\x08" * 32)

Stream = tuple[UUID, str, list[RecordedEvent]]


def root(entries: Sequence[bytes]) -> bytes:
    """Return MTH of RFC 6962, 2.1."""
    if not entries:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = half(len(entries))
    return hashlib.sha256(b"\x01" + root(entries[:k]) + root(entries[k:])).digest()


def half(n: int) -> int:
    """Return the largest power of two below `n`."""
    return 1 << (n - 1).bit_length() - 1


def path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """Return PATH of RFC 6962, 2.1.1."""
    if len(entries) == 1:
        return []
    k = half(len(entries))
    if m < k:
        return [*path(m, entries[:k]), root(entries[k:])]
    return [*path(m - k, entries[k:]), root(entries[:k])]


def proof(m: int, entries: Sequence[bytes], *, is_whole: bool = True) -> list[bytes]:
    """Return SUBPROOF of RFC 6962, 2.1.2."""
    if m == len(entries):
        return [] if is_whole else [root(entries)]
    k = half(len(entries))
    if m <= k:
        return [*proof(m, entries[:k], is_whole=is_whole), root(entries[k:])]
    return [*proof(m - k, entries[k:], is_whole=False), root(entries[:k])]


def server_key(key: SigningKey, purpose: KeyPurpose) -> NamedKey:
    """Return a key of the service, named."""
    return NamedKey(key_id=key.key_id, public_key=key.public.raw, purpose=purpose)


def all_keys() -> tuple[NamedKey, ...]:
    """Return every key that signed something in the bundle."""
    mine = {(key.purpose, key.key_id): key for key in (*named_keys(), *dossier_keys())}
    return (
        *mine.values(),
        server_key(CHECKPOINT_KEY, KeyPurpose.CHECKPOINT),
        server_key(NEW_GRANT_KEY, KeyPurpose.GRANT),
        server_key(NEWEST_GRANT_KEY, KeyPurpose.GRANT),
    )


def dossier_votes() -> list[bytes]:
    """Return the envelopes of the votes in the sample dossier."""
    line = msgspec.json.decode(approval_file().split(b"\n")[5])
    return [
        encode_envelope(msgspec.convert(vote, Envelope))
        for vote in msgspec.json.decode(line["proof"])["votes"]
    ]


def authority_said() -> list[Said]:
    """Return what the tenant's stream of people tells: two keys, and a vote by each."""
    enrolled = [
        Said("PersonKeyEnrolled", {"actor_id": str(who), "key_id": key.key_id})
        for key, who in ((PERSON_KEY, PERSON), (SECOND_KEY, SECOND))
    ]
    votes = [
        Said("VoteCast", {"envelope": base64.b64encode(vote).decode()}) for vote in dossier_votes()
    ]
    return [*enrolled, *votes]


def seal_said(stream: UUID, events: Sequence[RecordedEvent], last: int, status: str) -> Said:
    """Return what tells that a stream was closed."""
    return Said(
        "StreamSealed",
        {
            "stream_id": str(stream),
            "kind": "session",
            "last_seq": last,
            "last_leaf": events[last - 1].leaf.hex(),
            "status": status,
        },
    )


def erasure_said(stream: UUID, first: int, last: int, count: int) -> Said:
    """Return what tells that so many bodies of a stream were erased."""
    body = {"stream_id": str(stream), "from_seq": first, "to_seq": last, "count": count}
    return Said("BodiesErased", {**body, "why": "subject", "reason": "asked"})


def sample_streams(
    calls: int = 6,
    authority: Sequence[Said] | None = None,
    sealed: Sequence[Said] | None = None,
    erasures: Sequence[Said] | None = None,
) -> list[Stream]:
    """Return the sample history with the tenant's streams of people, of ends and of erasures."""
    session = session_events(calls)
    told = [seal_said(SESSION, session, len(session), "stopped")] if sealed is None else sealed
    people = authority_said() if authority is None else authority
    erased = [erasure_said(WORKSPACE, 2, 2, 1)] if erasures is None else erasures
    return [
        (SESSION, "session", session),
        (WORKSPACE, "workspace", workspace_events()),
        (AUTHORITY, "authority", chained(AUTHORITY, people)),
        (CONTROL, "control", control_events()),
        (SEALS, "seals", chained(SEALS, told)),
        (ERASURES, "erasures", chained(ERASURES, erased)),
    ]


def rotated(old: SigningKey, new: SigningKey) -> tuple[Envelope, Envelope]:
    """Return the word of both on a grant key that takes over from another."""
    rotation = KeyRotation(
        purpose=KeyPurpose.GRANT,
        old_key_id=old.key_id,
        new_key_id=new.key_id,
        new_public_key=new.public.raw,
        time=STARTED,
        overlap_until=STARTED + timedelta(hours=1),
    )
    return sign_rotation(rotation, old, new)


def sample_signed() -> list[Envelope]:
    """Return a grant by each of three grant keys, and how these took over from each other."""
    grants = [
        sign_grant(sample_grant(1), GRANT_KEY),
        sign_grant(sample_grant(2), NEW_GRANT_KEY),
        sign_grant(sample_grant(4, fence=2), NEWEST_GRANT_KEY),
    ]
    steps = ((GRANT_KEY, NEW_GRANT_KEY), (NEW_GRANT_KEY, NEWEST_GRANT_KEY))
    return [*grants, *(one for old, new in steps for one in rotated(old, new))]


class Log(msgspec.Struct):
    """A tenant's log: which event of which stream is which entry."""

    places: list[tuple[UUID, int]]
    leaves: list[bytes]

    def checkpoint(
        self, size: int, key: SigningKey = CHECKPOINT_KEY, **changes: object
    ) -> Envelope:
        """Return the signed head of the first `size` entries."""
        plain = CheckpointPayload(
            tenant_id=TENANT,
            origin=origin_of(TENANT),
            size=size,
            root=root(self.leaves[:size]).hex(),
            epoch=1,
            system_identifier="7412",
            timeline=1,
            time=STARTED,
            previous=CheckpointSeen(size=0, root=root([]).hex()),
            key_id=key.key_id,
        )
        return sign_checkpoint(msgspec.structs.replace(plain, **changes), key)

    def inclusion(self, stream: UUID, seq: int, size: int) -> InclusionLine:
        """Return the proof that an event is in the log of that size."""
        index = self.places.index((stream, seq))
        found = tuple(one.hex() for one in path(index, self.leaves[:size]))
        return InclusionLine(stream_id=stream, seq=seq, index=index, size=size, path=found)

    def last_of(self, stream: UUID, below: int) -> int:
        """Return the last event of a stream that is an entry below an index, or 0."""
        return max((seq for one, seq in self.places[:below] if one == stream), default=0)

    def consistency(self, old: int, new: int) -> ConsistencyLine:
        """Return the proof that the log of one size begins with that of another."""
        found = tuple(one.hex() for one in proof(old, self.leaves[:new]))
        return ConsistencyLine(from_size=old, to_size=new, path=found)


def log_of(streams: Sequence[Stream]) -> Log:
    """Return a log in which the streams' events stand in turn."""
    longest = max(len(events) for _, _, events in streams)
    inside = [
        (stream, events[at])
        for at in range(longest)
        for stream, _, events in streams
        if at < len(events)
    ]
    places = [(stream, event.seq) for stream, event in inside]
    return Log(places=places, leaves=[bytes(event.leaf) for _, event in inside])


class Parts(msgspec.Struct, kw_only=True):
    """What a bundle is made of; what is left out is the sample's."""

    streams: list[Stream] = msgspec.field(default_factory=sample_streams)
    scope: ScopeKind = ScopeKind.TENANT
    until: datetime = STARTED + timedelta(days=1)
    seals: list[SealLine] | None = None
    signed: list[Envelope] = msgspec.field(default_factory=sample_signed)
    dossiers: list[bytes] = msgspec.field(default_factory=lambda: [approval_file()])
    checkpoints: list[Envelope] | None = None
    inclusions: list[InclusionLine] | None = None
    consistencies: list[ConsistencyLine] | None = None
    keys: tuple[NamedKey, ...] = msgspec.field(default_factory=all_keys)


def early(size: int) -> int:
    """Return the size of the earlier checkpoint of a bundle whose log has so many entries."""
    return size // 2


def bundle_v2(parts: Parts | None = None) -> list[bytes]:
    """Return the lines of a bundle."""
    given = Parts() if parts is None else parts
    log, writer = log_of(given.streams), BundleWriterV2()
    size = len(log.leaves)
    lines = [writer.header(_header(given)), writer.readme("What this is, in plain words: żółw.")]
    lines += [writer.seal(one) for one in _seals(given)]
    lines += [writer.event(one) for _, _, events in given.streams for one in events]
    lines += [writer.envelope(one) for one in given.signed]
    lines += [writer.dossier(one) for one in given.dossiers]
    checkpoints = given.checkpoints
    if checkpoints is None:
        checkpoints = [log.checkpoint(early(size)), log.checkpoint(size)]
    lines += [writer.checkpoint(one) for one in checkpoints]
    inclusions = given.inclusions
    if inclusions is None:
        inclusions = [log.inclusion(one, len(events), size) for one, _, events in given.streams]
    consistencies = given.consistencies
    if consistencies is None:
        consistencies = [log.consistency(early(size), size)]
    lines += [writer.proof(one) for one in inclusions]
    lines += [writer.proof(one) for one in consistencies]
    return [*lines, writer.manifest()]


def _header(given: Parts) -> BundleHeaderV2:
    heads = tuple(
        StreamHead(
            stream_id=stream,
            kind=kind,
            head_seq=len(events),
            head_leaf=(events[-1].leaf if events else GENESIS).hex(),
        )
        for stream, kind, events in given.streams
    )
    is_window = given.scope is ScopeKind.INCIDENT
    scope = BundleScope(
        kind=given.scope,
        session_id=SESSION if given.scope is ScopeKind.SESSION else None,
        approval_id=uuid_of("approval") if given.scope is ScopeKind.APPROVAL else None,
        since=STARTED if is_window else None,
        until=given.until if is_window else None,
    )
    return BundleHeaderV2(
        tenant_id=TENANT, exported_at=STARTED, scope=scope, streams=heads, keys=given.keys
    )


def _seals(given: Parts) -> list[SealLine]:
    if given.seals is not None:
        return given.seals
    return [
        SealLine(
            stream_id=stream,
            status="stopped",
            last_seq=len(events),
            last_leaf=events[-1].leaf.hex(),
        )
        for stream, kind, events in given.streams
        if kind == "session" and events
    ]


SECTIONS = {
    "placet.bundle.v2": "header",
    "readme": "readme",
    "seal": "seals",
    "grant": "envelopes",
    "envelope": "envelopes",
    "dossier": "dossiers",
    "checkpoint": "proofs",
    "inclusion": "proofs",
    "consistency": "proofs",
}


def sealed(lines: list[bytes]) -> bytes:
    """Return the lines with a manifest that fits them."""
    sections = {name: hashlib.sha256() for name in SectionHashes.__struct_fields__}
    for line in lines:
        section = SECTIONS.get(str(msgspec.json.decode(line)["kind"]))
        if section is not None:
            sections[section].update(line)
    body = b"".join(lines)
    manifest = ManifestV2(
        events=sum(b'"kind":"event"' in line for line in lines),
        lines=SectionHashes(**{name: found.hexdigest() for name, found in sections.items()}),
        sha256=hashlib.sha256(body).hexdigest(),
    )
    return body + canonical(manifest) + b"\n"
