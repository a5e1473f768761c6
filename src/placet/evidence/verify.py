"""Checking a bundle with nothing but the bundle and, better, keys that were pinned beforehand.

The file is read once, a line at a time, and one small record per stream is kept. The first thing
that is wrong ends the reading and is named; else the report says what was proved and what a bundle
alone can never prove. No database, no network, no clock.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import BinaryIO, Final, NoReturn, TypeVar
from uuid import UUID

import msgspec

from placet.evidence import dsse
from placet.evidence.artifact import ARTIFACT_TYPE, ArtifactPayload
from placet.evidence.bundle import (
    LINE_MAX,
    BundleHeader,
    EnvelopeLine,
    EventLine,
    GrantLine,
    KeyList,
    KeyPurpose,
    Line,
    Manifest,
    NamedKey,
    StreamHead,
)
from placet.evidence.dsse import Envelope, EnvelopeRefused
from placet.evidence.fields import Fence
from placet.evidence.grant import GRANT_TYPE, Grant
from placet.evidence.leaf import GENESIS, body_hash, leaf_of
from placet.evidence.vote import (
    APPROVAL_VOTE_TYPE,
    PROOF_TYPE,
    ApprovalVote,
    ProofOfPossession,
)
from placet.kernel.value import Input, Value

SESSION_STOPPED: Final = "SessionStopped"
CONTROL_SET: Final = "ControlSet"
CONTROL_LIFTED: Final = "ControlLifted"
CALL_PROPOSED: Final = "CallProposed"
CALL_STARTED: Final = "CallStarted"
_READ: Final = frozenset(
    {SESSION_STOPPED, CONTROL_SET, CONTROL_LIFTED, CALL_PROPOSED, CALL_STARTED}
)
_ACTORS_REMEMBERED: Final = 10_000

T = TypeVar("T", bound=Input)

_HEADER: Final = msgspec.json.Decoder(BundleHeader)
_LINE: Final = msgspec.json.Decoder(Line)
_CANONICAL: Final = msgspec.json.Encoder(order="sorted")
"""Canonical for lines: their keys are ASCII and their numbers are small integers."""
_UUID: Final = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Flaw(Value, frozen=True):
    """The first bad item: on which line (from 1), what it is, and why it is bad."""

    line: int
    item: str
    why: str


class BundleReport(Value, frozen=True):
    """What a verifier found. The counts are of what was checked before the flaw, if there is one.

    `calls` counts the grants and starts that the events tell of, `grants` the signed grants that
    the bundle brings. `proved` is empty if there is a flaw.
    """

    flaw: Flaw | None
    tenant_id: UUID | None
    streams: int
    events: int
    bodies: int
    bodies_erased: int
    calls: int
    grants: int
    envelopes: int
    keys_pinned: bool
    proved: tuple[str, ...]
    not_proved: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Tell whether nothing bad was found."""
        return self.flaw is None


class _SetBody(Value, frozen=True):
    """What is read of a `ControlSet` event; other fields are not the verifier's business."""

    control_id: UUID
    kind: str
    target: str
    effect: str


class _LiftedBody(Value, frozen=True):
    """What is read of a `ControlLifted` event."""

    control_id: UUID


class _CallBody(Value, frozen=True):
    """What is read of a `CallProposed` event, and of a `CallStarted`, which has neither."""

    status: str | None = None
    tool: str | None = None


class _Kill:
    """A control that killed a scope, in force from one control epoch to before another."""

    def __init__(self, body: _SetBody, from_epoch: int) -> None:
        self.kind = body.kind
        self.target = body.target
        self.from_epoch = from_epoch
        self.lifted_epoch: int | None = None

    def forbids(self, epoch: int, **scopes: str | None) -> bool:
        """Tell whether the kill was in force at this control epoch for any of these scopes."""
        if epoch < self.from_epoch:
            return False
        if self.lifted_epoch is not None and epoch >= self.lifted_epoch:
            return False
        return self.kind == "tenant" or scopes.get(self.kind) == self.target


class _Chain:
    """How far one stream has been read."""

    __slots__ = (
        "control_epoch",
        "control_revision",
        "fence",
        "head",
        "killed_at",
        "leaf",
        "leaf_text",
        "seq",
        "stream",
        "time",
    )

    def __init__(self, head: StreamHead) -> None:
        self.head = head
        self.stream = head.stream_id.bytes
        self.seq = 0
        self.leaf: bytes = GENESIS
        self.leaf_text = GENESIS.hex()
        self.time = 0
        self.fence = (0, 0)
        self.control_epoch = 0
        self.control_revision = 0
        self.killed_at: int | None = None


class _BadError(Exception):
    """Ends the reading at the first bad item."""

    def __init__(self, item: str, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.item = item
        self.why = why
        self.line = line


def verify_bundle(stream: BinaryIO, pinned: KeyList | None = None) -> BundleReport:
    """Read a bundle to its end or to its first flaw, and report.

    With `pinned`, only those keys count; without, the keys that the bundle brings, and the report
    says so. Never raises for the content of the bundle.
    """
    audit = _Audit(pinned)
    flaw = None
    try:
        while line := stream.readline(LINE_MAX + 1):
            audit.take(line)
        audit.finish()
    except _BadError as bad:
        flaw = Flaw(line=bad.line or audit.line, item=bad.item, why=bad.why)
    return audit.report(flaw)


class _Audit:
    """The state of one reading."""

    def __init__(self, pinned: KeyList | None) -> None:
        self._pinned = pinned
        self._hash = hashlib.sha256()
        self._header: BundleHeader | None = None
        self._tenant = b""
        self._tenant_text = ""
        self._keys: dict[KeyPurpose, list[NamedKey]] = {}
        self._chains: dict[str, _Chain] = {}
        self._actors: dict[str, bytes] = {}
        self._kills: dict[UUID, _Kill] = {}
        self._given: dict[tuple[int, str | None], tuple[str, int]] = {}
        self._unread = 0
        self._events_ended = False
        self._manifest: Manifest | None = None
        self.line = 0
        self.events = self.bodies = self.calls = self.grants = self.envelopes = 0

    def take(self, line: bytes) -> None:
        """Check the next line."""
        self.line += 1
        if self._manifest is not None:
            _bad("the end", "there are bytes after the manifest")
        if not line.endswith(b"\n"):
            why = f"more than {LINE_MAX} bytes" if len(line) > LINE_MAX else "the line is cut off"
            _bad("the line", why)
        if self._header is None:
            self._take_header(line)
        else:
            self._take_line(line)
        self._hash.update(line)

    def finish(self) -> None:
        """Check that the end was reached."""
        self.line += 1
        if self._manifest is None:
            _bad("the end", "there is no manifest: the file was cut off")

    def _take_header(self, line: bytes) -> None:
        try:
            header = _HEADER.decode(line)
        except (ValueError, RecursionError) as fault:
            _bad("the header", f"it is no header of a bundle: {fault}")
        if _CANONICAL.encode(header) + b"\n" != line:
            _bad("the header", "it is not in canonical form")
        self._chains = {str(head.stream_id): _Chain(head) for head in header.streams}
        if len(self._chains) != len(header.streams):
            _bad("the header", "it names a stream twice")
        keys = header.keys if self._pinned is None else self._pinned.keys
        for key in keys:
            self._keys.setdefault(key.purpose, []).append(key)
        self._header = header
        self._tenant = header.tenant_id.bytes
        self._tenant_text = str(header.tenant_id)

    def _take_line(self, line: bytes) -> None:
        try:
            document = _LINE.decode(line)
        except (ValueError, RecursionError) as fault:
            _bad(self._expected(), f"the line cannot be read: {fault}")
        if _CANONICAL.encode(document) + b"\n" != line:
            _bad(self._expected(), "the line is not in canonical form")
        match document:
            case EventLine():
                self._take_event(document)
            case GrantLine():
                self._end_events()
                self._take_grant(document.envelope)
            case EnvelopeLine():
                self._end_events()
                self._take_envelope(document.envelope)
            case Manifest():
                self._end_events()
                self._take_manifest(document)

    def _expected(self) -> str:
        return f"the line after {self.events} events"

    def _take_event(self, event: EventLine) -> None:
        chain = self._chains.get(event.stream_id)
        if chain is None:
            _bad(f"an event of stream {event.stream_id}", "the header names no such one")
        if self._events_ended:
            _bad_event(chain, "it stands after the envelopes")
        self._check_place(event, chain)
        self._check_body(event, chain)
        leaf = self._leaf(event, chain)
        if leaf.hex() != event.leaf:
            _bad_event(chain, "its leaf is not the hash of its header")
        chain.seq = event.seq
        chain.leaf, chain.leaf_text = leaf, event.leaf
        chain.time = event.time
        chain.fence = (event.epoch, event.fence)
        chain.control_epoch = event.control_epoch
        chain.control_revision = event.control_revision
        self.events += 1
        if event.type in _READ:
            self._read_body(event, chain)

    def _check_place(self, event: EventLine, chain: _Chain) -> None:
        if event.tenant_id != self._tenant_text:
            _bad_event(chain, "it belongs to another tenant")
        if event.seq != chain.seq + 1:
            _bad_event(chain, f"an event with sequence {event.seq} stands in its place")
        if event.prev != chain.leaf_text:
            _bad_event(chain, "it does not name the leaf of the event before it")
        if event.time < chain.time:
            _bad_event(chain, "its time lies before that of the event before it")
        if (event.epoch, event.fence) < chain.fence:
            _bad_event(chain, "its fence is older than that of the event before it")
        if event.control_epoch < chain.control_epoch:
            _bad_event(chain, "its control epoch is older than that of the event before it")
        if event.control_revision < chain.control_revision:
            _bad_event(chain, "its control revision is older than that of the event before it")

    def _check_body(self, event: EventLine, chain: _Chain) -> None:
        if event.salt is None and event.body is None:
            return
        if event.salt is None or event.body is None:
            _bad_event(chain, "of salt and body one is there and one is not")
        try:
            found = body_hash(event.salt, event.body)
        except ValueError as fault:
            _bad_event(chain, str(fault))
        if found.hex() != event.body_hash:
            _bad_event(chain, "its body does not have the hash that its header names")
        self.bodies += 1

    def _leaf(self, event: EventLine, chain: _Chain) -> bytes:
        try:
            body = bytes.fromhex(event.body_hash)
            if body.hex() != event.body_hash:
                _bad_event(chain, "its body hash is not in lower-case hex")
            return leaf_of(
                (self._tenant, chain.stream),
                (_uuid(event.event_id), self._actor(event.actor_id)),
                (event.epoch, event.fence, event.control_epoch, event.control_revision),
                (event.time, event.seq),
                (chain.leaf, body),
                event.type.encode(),
            )
        except ValueError as fault:
            _bad_event(chain, str(fault))

    def _actor(self, text: str) -> bytes:
        found = self._actors.get(text)
        if found is None:
            found = _uuid(text)
            if len(self._actors) < _ACTORS_REMEMBERED:
                self._actors[text] = found
        return found

    def _read_body(self, event: EventLine, chain: _Chain) -> None:
        """Note a kill, the lifting of one, or a call that was granted or started."""
        if event.type == SESSION_STOPPED:
            if chain.killed_at is None:
                chain.killed_at = event.control_revision
        elif event.body is None:
            self._unread += 1
        else:
            try:
                self._note(event.type, event.body, event.control_epoch, chain)
            except (ValueError, RecursionError) as fault:
                item = _event_name(chain, event.seq)
                _bad(item, f"its body is not that of a `{event.type}`: {fault}")

    def _note(self, kind: str, body: bytes, epoch: int, chain: _Chain) -> None:
        if kind == CONTROL_SET:
            control = msgspec.json.decode(body, type=_SetBody)
            if control.effect == "kill":
                self._kills[control.control_id] = _Kill(control, epoch)
        elif kind == CONTROL_LIFTED:
            lifted = msgspec.json.decode(body, type=_LiftedBody).control_id
            if lifted in self._kills:
                self._kills[lifted].lifted_epoch = epoch
        else:
            call = msgspec.json.decode(body, type=_CallBody)
            if kind == CALL_STARTED or call.status == "granted":
                self._note_call(call.tool, epoch, chain)

    def _note_call(self, tool: str | None, epoch: int, chain: _Chain) -> None:
        item = _event_name(chain, chain.seq)
        if chain.killed_at is not None:
            _bad(item, "it grants or starts a call although the session had been killed")
        self.calls += 1
        self._given.setdefault((epoch, tool), (item, self.line))

    def _end_events(self) -> None:
        """Compare every stream with its head, before anything is held against the streams."""
        if self._events_ended:
            return
        self._events_ended = True
        for text, chain in self._chains.items():
            if (chain.seq, chain.leaf_text) != (chain.head.head_seq, chain.head.head_leaf):
                why = (
                    f"the header tells of {chain.head.head_seq} events that end in leaf "
                    f"{chain.head.head_leaf}; the bundle has {chain.seq}, ending in "
                    f"{chain.leaf_text}"
                )
                _bad(f"stream {text}", why)
        for (epoch, tool), (item, line) in self._given.items():
            if any(kill.forbids(epoch, tool=tool) for kill in self._kills.values()):
                why = "it grants or starts a call while a kill of its scope was in force"
                raise _BadError(item, why, line)

    def _take_grant(self, envelope: Envelope) -> None:
        grant, _ = self._open(envelope, GRANT_TYPE, KeyPurpose.GRANT, Grant)
        item = f"the grant for call {grant.call_id}"
        if grant.tenant_id.bytes != self._tenant:
            _bad(item, "it belongs to another tenant")
        chain = self._chains.get(str(grant.session_id))
        if chain is None:
            _bad(item, "the bundle does not hold the events of its session")
        if grant.fence > Fence(epoch=chain.fence[0], n=chain.fence[1]):
            _bad(item, "its fence is newer than any of its session's events")
        if grant.control.revision > chain.control_revision:
            _bad(item, "its control revision is newer than its session's events")
        if chain.killed_at is not None and grant.control.revision >= chain.killed_at:
            _bad(item, "it was given although its session had been killed")
        scopes = {"agent": grant.agent, "tool": grant.tool, "artifact": grant.artifact_hash}
        if any(kill.forbids(grant.control.epoch, **scopes) for kill in self._kills.values()):
            _bad(item, "it was given while a kill of its scope was in force")
        self.grants += 1

    def _take_envelope(self, envelope: Envelope) -> None:
        kind = envelope.payload_type
        if kind == ARTIFACT_TYPE:
            self._open(envelope, kind, KeyPurpose.ARTIFACT, ArtifactPayload)
        elif kind == APPROVAL_VOTE_TYPE:
            vote, key = self._open(envelope, kind, KeyPurpose.PERSON, ApprovalVote)
            item = f"the vote on request {vote.request_id}"
            self._check_tenant(vote.tenant_id, item)
            if (vote.key_id, vote.voter_id) != (key.key_id, key.actor_id):
                _bad(item, "the key that signed it is not its voter's")
        elif kind == PROOF_TYPE:
            proof, key = self._open(envelope, kind, KeyPurpose.PERSON, ProofOfPossession)
            item = f"the proof of possession of actor {proof.actor_id}"
            self._check_tenant(proof.tenant_id, item)
            named = (proof.key_id, proof.public_key, proof.actor_id)
            if named != (key.key_id, key.public_key.hex(), key.actor_id):
                _bad(item, "the key that signed it is not the one it names")
        else:
            _bad("an envelope", f"its type `{kind}` is not known here")
        self.envelopes += 1

    def _check_tenant(self, tenant: UUID, item: str) -> None:
        if tenant.bytes != self._tenant:
            _bad(item, "it belongs to another tenant")

    def _open(
        self, envelope: Envelope, expected: str, purpose: KeyPurpose, into: type[T]
    ) -> tuple[T, NamedKey]:
        """Return the document and the key that signed it, which must be the one it hints at."""
        keys = self._keys.get(purpose, [])
        item = f"a `{expected}`"
        try:
            signer = dsse.verified_by(envelope, expected, [key.checked() for key in keys])
            document = dsse.open_payload(envelope.payload, into)
        except EnvelopeRefused as refusal:
            _bad(item, refusal.detail)
        if envelope.signatures[0].keyid != signer.key_id:
            _bad(item, "its key id is not that of the key that signed it")
        return document, next(key for key in keys if key.key_id == signer.key_id)

    def _take_manifest(self, manifest: Manifest) -> None:
        if manifest.events != self.events:
            why = f"it counts {manifest.events} events, there are {self.events}"
            _bad("the manifest", why)
        if manifest.sha256 != self._hash.hexdigest():
            _bad("the manifest", "its SHA-256 is not that of the bytes before it")
        self._manifest = manifest

    def report(self, flaw: Flaw | None) -> BundleReport:
        """Say what was found."""
        chains = self._chains.values()
        return BundleReport(
            flaw=flaw,
            tenant_id=None if self._header is None else self._header.tenant_id,
            streams=len(chains),
            events=self.events,
            bodies=self.bodies,
            bodies_erased=self.events - self.bodies,
            calls=self.calls,
            grants=self.grants,
            envelopes=self.envelopes,
            keys_pinned=self._pinned is not None,
            proved=() if flaw else tuple(self._proved()),
            not_proved=tuple(self._not_proved()),
        )

    def _proved(self) -> Iterator[str]:
        yield (
            f"{self.events} events in {len(self._chains)} streams: sequences from 1 without a gap, "
            "each chained to the one before, up to the heads in the header"
        )
        yield "time, fences and control revisions never run backwards within a stream"
        yield f"{self.bodies} event bodies are the ones that were hashed when they were written"
        if self.calls:
            yield (
                f"{self.calls} times a call was granted or started, and never while a kill of its "
                "session, its tool or its tenant that the bundle tells of was in force"
            )
        if self.grants:
            yield f"{self.grants} signed grants are whole, and none was given under such a kill"
        if self.envelopes:
            yield f"{self.envelopes} other signed documents are whole and signed by the right key"

    def _not_proved(self) -> Iterator[str]:
        yield (
            "that nothing was cut from the end or written anew as a whole: the bundle holds no "
            "checkpoint that an outsider kept"
        )
        yield "that the header names every stream, and the bundle every grant, of the tenant"
        if self._pinned is None:
            yield "whose the keys are: none were pinned, the bundle brought its own"
        erased = self.events - self.bodies
        if erased:
            yield f"what {erased} events said, whose bodies were erased"
        if self._unread:
            yield f"what {self._unread} of them did about controls or calls"


def _uuid(text: str) -> bytes:
    if not _UUID.fullmatch(text):
        message = "an id is no UUID in its usual form"
        raise ValueError(message)
    return bytes.fromhex(text.replace("-", ""))


def _event_name(chain: _Chain, seq: int) -> str:
    return f"event {seq} of stream {chain.head.stream_id}"


def _bad(item: str, why: str) -> NoReturn:
    raise _BadError(item, why)


def _bad_event(chain: _Chain, why: str) -> NoReturn:
    """End the reading at the event that was expected next in this stream."""
    raise _BadError(_event_name(chain, chain.seq + 1), why)
