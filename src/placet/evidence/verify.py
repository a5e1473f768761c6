"""Checking a bundle with nothing but the bundle and, better, keys that were pinned beforehand.

The file is read once, a line at a time; one small record is kept per stream, per granted call, per
receipt and per control. The first thing that is wrong ends the reading and is named; else the
report says what was proved and what a bundle alone can never prove. No database, no network, no
clock.
"""

import hashlib
import re
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple, NoReturn, TypeVar
from uuid import UUID

import msgspec

from placet.evidence import dsse
from placet.evidence.artifact import ARTIFACT_TYPE, ArtifactPayload
from placet.evidence.break_glass import BREAK_GLASS_VOTE_TYPE, BreakGlassVote
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
    SealLine,
    StreamHead,
)
from placet.evidence.dsse import Envelope, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey
from placet.evidence.enrolment import ENROLMENT_VOTE_TYPE, EnrolmentVote
from placet.evidence.fields import Fence
from placet.evidence.grant import GRANT_TYPE, Grant
from placet.evidence.leaf import GENESIS, body_hash, leaf_of, microseconds
from placet.evidence.lift_vote import LIFT_VOTE_TYPE, LiftAct, LiftVote
from placet.evidence.receipt import RECEIPT_TYPE, HostOutcome, HostReceipt
from placet.evidence.standing import STANDING_TYPE, Standing
from placet.evidence.vote import (
    APPROVAL_VOTE_TYPE,
    PROOF_TYPE,
    ApprovalVote,
    ProofOfPossession,
)
from placet.kernel import foreign
from placet.kernel.value import Input, Value

SESSION_OPENED: Final = "SessionOpened"
SESSION_STOPPED: Final = "SessionStopped"
SESSION_BYPASSED: Final = "SessionBypassed"
CONTROL_SET: Final = "ControlSet"
CONTROL_LIFTED: Final = "ControlLifted"
CALL_PROPOSED: Final = "CallProposed"
CALL_CLAIMED: Final = "CallClaimed"
CALL_STARTED: Final = "CallStarted"
RECEIPT_RECEIVED: Final = "ReceiptReceived"
CALL_SETTLED: Final = "CallSettled"
CALL_ABANDONED: Final = "CallAbandoned"
HOST_REGISTERED: Final = "ToolHostRegistered"
HOST_REVOKED: Final = "ToolHostRevoked"
ORPHAN_KEPT: Final = "OrphanReceiptKept"
STANDING_GRANTED: Final = "StandingGranted"
STANDING_REVOKED: Final = "StandingRevoked"
KEY_ENROLLED: Final = "PersonKeyEnrolled"
KEY_REVOKED: Final = "PersonKeyRevoked"
LET_IN: Final = "EnrolmentConfirmed"
REMOVED: Final = "ApproverRemoved"
_READ: Final = {
    SESSION_OPENED: "session",
    SESSION_STOPPED: "session",
    SESSION_BYPASSED: "session",
    CONTROL_SET: "control",
    CONTROL_LIFTED: "control",
    CALL_PROPOSED: "session",
    CALL_CLAIMED: "session",
    CALL_STARTED: "session",
    RECEIPT_RECEIVED: "session",
    CALL_SETTLED: "session",
    CALL_ABANDONED: "session",
    HOST_REGISTERED: "authority",
    HOST_REVOKED: "authority",
    ORPHAN_KEPT: "authority",
    STANDING_GRANTED: "authority",
    STANDING_REVOKED: "authority",
    KEY_ENROLLED: "authority",
    KEY_REVOKED: "authority",
    LET_IN: "authority",
    REMOVED: "authority",
}
"""The event types that are read, and the kind of the streams that they may stand in."""

_DECIDED: Final = frozenset({CALL_PROPOSED, CALL_CLAIMED})
"""The events that may give leave to run a call: when it is proposed, or claimed after a yes."""

_STOPS: Final = frozenset({SESSION_STOPPED, SESSION_BYPASSED})
_PEOPLE: Final = frozenset({KEY_ENROLLED, KEY_REVOKED, LET_IN, REMOVED})
"""The events that tell whose keys count, and since when they do not."""

_GRANTED: Final = "granted"
_KILL: Final = "kill"
_TENANT: Final = "tenant"
_LIFTED: Final = frozenset({_TENANT, "agent", "tool"})
_SCOPES: Final = _LIFTED | {"artifact"}
_OWN_WORD: Final = "client_reported"
_ATTESTED: Final = "executor_attested"
_VERIFIED: Final = "externally_verified"
_OWN_WORDS: Final = frozenset({"", "none", "model_claimed", _OWN_WORD})
"""The levels that a report has without its host's word; an older form of the event names none."""
_ACTORS_REMEMBERED: Final = 10_000
_LATE: Final = 60_000_000
"""Microseconds that may lie between the look at a standing grant's end and the event of a call."""

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
    the bundle brings, `grants_matched` those of them that an event of the bundle tells of too.
    `attestations` counts the reports that a tool's host signed, `orphans` those of calls that were
    not known, each with its grant.
    `proved` is empty if there is a flaw.
    """

    flaw: Flaw | None
    tenant_id: UUID | None
    streams: int
    events: int
    bodies: int
    bodies_erased: int
    calls: int
    grants: int
    grants_matched: int
    envelopes: int
    seals: int
    attestations: int
    orphans: int
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
    """What is read of a `ControlLifted` event; an older form of it holds no votes."""

    control_id: UUID
    asked_by: UUID
    lift_id: UUID | None = None
    kind: str = ""
    target: str = ""
    reason: str = ""
    confirm_reason: str = ""
    ask_vote: str | None = None
    confirm_vote: str | None = None


class _OpenedBody(Value, frozen=True):
    """What is read of a `SessionOpened` event: whose the session is, and what it runs under."""

    agent: str = ""
    artifact_id: str = ""
    environment: str = ""


class _ProposedBody(Value, frozen=True):
    """What is read of a `CallProposed` or `CallClaimed` event."""

    call_id: UUID
    tool: str
    arguments_hash: str
    status: str
    standing: UUID | None = None


class _StartedBody(Value, frozen=True):
    """What is read of a `CallStarted` event."""

    call_id: UUID


class _WordBody(Value, frozen=True):
    """What is read of a host's word: which key signed it, and the envelope."""

    key_id: str
    envelope: bytes
    never_begun: bool = False


class _ReceivedBody(Value, frozen=True):
    """What is read of a `ReceiptReceived` event."""

    receipt_id: UUID | None = None
    call_id: UUID | None = None
    status: str = ""
    evidence_level: str = ""
    arguments_hash: str = ""
    output_hash: str | None = None
    external_ref: str | None = None
    attested_by: _WordBody | None = None


class _SettledBody(Value, frozen=True):
    """What is read of a `CallSettled` event: on whose word a call was settled, and how good."""

    call_id: UUID
    evidence_level: str = ""
    receipt_id: UUID | None = None
    settlement_id: UUID | None = None
    reconciled_by: UUID | None = None


class _AbandonedBody(Value, frozen=True):
    """What is read of a `CallAbandoned` event: on whose word, where it was before its time."""

    call_id: UUID
    receipt_id: UUID | None = None


class _HostBody(Value, frozen=True):
    """What is read of a `ToolHostRegistered` event."""

    key_id: str
    environment: str
    tools: list[str]


class _HostEndBody(Value, frozen=True):
    """What is read of a `ToolHostRevoked` event."""

    key_id: str


class _OrphanBody(Value, frozen=True):
    """What is read of an `OrphanReceiptKept` event."""

    session_id: UUID
    call_id: UUID
    agent: str
    tool: str
    status: str
    evidence_level: str
    arguments_hash: str
    output_hash: str | None
    conflicting: bool
    grant: bytes
    attestation: bytes | None


class _StandingBody(Value, frozen=True):
    """What is read of a `StandingGranted` event. `envelope` is what the person signed."""

    standing_id: UUID
    granted_by: UUID
    envelope: bytes


class _StandingEndBody(Value, frozen=True):
    """What is read of a `StandingRevoked` event."""

    standing_id: UUID


class _KeyBody(Value, frozen=True):
    """What is read of a `PersonKeyEnrolled` event."""

    actor_id: UUID
    key_id: str
    confirmed_by: tuple[UUID, ...] = ()


class _KeyEndBody(Value, frozen=True):
    """What is read of a `PersonKeyRevoked` event."""

    key_id: str


class _LetInBody(Value, frozen=True):
    """What is read of an `EnrolmentConfirmed` event."""

    workspace_id: UUID
    actor_id: UUID
    key_id: str


class _RemovedBody(Value, frozen=True):
    """What is read of an `ApproverRemoved` event."""

    workspace_id: UUID
    actor_id: UUID


class _Mark(NamedTuple):
    """Where an event of the `authority` stream stands: in it, among the controls, and when."""

    seq: int
    epoch: int
    time: int


class _PersonKey(NamedTuple):
    """A person's key that an event enrolled: whose, since when, and whether a colleague agreed."""

    actor_id: UUID
    is_confirmed: bool
    epoch: int


class _Beforehand(NamedTuple):
    """A standing grant, and where it was given."""

    standing: Standing
    at: _Mark


class _Use(NamedTuple):
    """A call that was granted by a standing grant: of what, when, and where that is told."""

    standing_id: UUID
    tool: str
    agent: str
    environment: str
    epoch: int
    time: int
    item: str
    line: int


class _Reported(NamedTuple):
    """A receipt that an event told of: of which call, and whether its host signed it."""

    call: UUID | None
    is_attested: bool
    never_begun: bool


class _Attested(NamedTuple):
    """A host's word that counted: by which key, and of which tool it was, where."""

    key_id: str
    tool: str
    environment: str


class _Control(NamedTuple):
    """A control that an event of the bundle set: what it reaches if it kills, and since when."""

    scope: tuple[str, str] | None
    epoch: int


class _Lift(NamedTuple):
    """A lifting that an event told of: of which control, unless its body was erased, and by whom.

    `votes` are the envelopes of who asked and of who agreed, null where nobody signed.
    """

    said: _LiftedBody
    votes: tuple[bytes | None, bytes | None]
    control: _Control | None
    confirmed_by: UUID
    epoch: int
    item: str
    line: int


class _Given(NamedTuple):
    """What a grant or a start is held against kills by."""

    epoch: int
    tool: str | None
    agent: str
    artifact: str


class _Granted(NamedTuple):
    """A call that an event of this session granted."""

    session: UUID
    tool: str
    arguments_hash: str


class _Chain:
    """How far one stream has been read."""

    __slots__ = (
        "agent",
        "artifact",
        "control_epoch",
        "control_revision",
        "environment",
        "erased_controls",
        "erased_hosts",
        "erased_people",
        "erased_proposals",
        "erased_receipts",
        "erased_standing",
        "fence",
        "head",
        "killed_at",
        "leaf",
        "leaf_text",
        "seal",
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
        self.seal: SealLine | None = None
        self.time = 0
        self.fence = (0, 0)
        self.agent = ""
        self.artifact = ""
        self.environment = ""
        self.control_epoch = 0
        self.control_revision = 0
        self.killed_at: int | None = None
        self.erased_controls = 0
        self.erased_hosts = 0
        self.erased_people = 0
        self.erased_proposals = 0
        self.erased_receipts = 0
        self.erased_standing = 0


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
        self._keys: dict[tuple[KeyPurpose, str], tuple[NamedKey, PublicKey]] = {}
        self._chains: dict[str, _Chain] = {}
        self._actors: dict[str, bytes] = {}
        self._controls: dict[UUID, _Control] = {}
        self._lifted: dict[UUID, int] = {}
        self._kills: dict[tuple[str, str], list[tuple[int, int | None]]] = {}
        self._granted: dict[UUID, _Granted] = {}
        self._given: dict[_Given, tuple[str, int]] = {}
        self._reported: dict[UUID, _Reported] = {}
        self._settled_by: dict[UUID, UUID | None] = {}
        self._hosts: dict[str, _HostBody] = {}
        self._ended_hosts: dict[str, int] = {}
        self._words: dict[_Attested, tuple[int, str, int]] = {}
        self._standing: dict[UUID, _Beforehand] = {}
        self._ended_standing: dict[UUID, _Mark] = {}
        self._uses: list[_Use] = []
        self._person_keys: dict[str, _PersonKey] = {}
        self._first_key: int | None = None
        self._ended_keys: dict[str, _Mark] = {}
        self._let_in: dict[tuple[UUID, UUID, str], int] = {}
        self._removed: dict[tuple[UUID, UUID], list[_Mark]] = {}
        self._lifts: list[_Lift] = []
        self._unsigned_lifts = self._unproved_lifts = 0
        self._unproved_uses = self._unended_uses = self._timed_uses = 0
        self._unregistered = self._unproved_levels = 0
        self._unread = self._unproved_starts = 0
        self._events_ended = False
        self._manifest: Manifest | None = None
        self.line = 0
        self.events = self.bodies = self.calls = self.envelopes = self.seals = 0
        self.grants = self.grants_matched = 0
        self.attestations = self.orphans = 0

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
            self._keys.setdefault((key.purpose, key.key_id), (key, key.checked()))
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
            case SealLine():
                self._take_seal(document)
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

    def _take_seal(self, seal: SealLine) -> None:
        """Note what a stream must be at the end of its session, before any event is read."""
        item = f"the seal of stream {seal.stream_id}"
        chain = self._chains.get(str(seal.stream_id))
        if chain is None or chain.head.kind != _READ[SESSION_STOPPED]:
            _bad(item, "the header names no such session")
        if self.events or self._events_ended:
            _bad(item, "it stands after the events")
        if chain.seal is not None:
            _bad(item, "its session is sealed twice")
        if seal.last_seq > chain.head.head_seq:
            why = f"it tells of {seal.last_seq} events, and the stream has {chain.head.head_seq}"
            _bad(item, why)
        chain.seal = seal
        self.seals += 1

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
        if chain.seal is not None and chain.seal.last_seq == event.seq:
            self._check_seal(event, chain, chain.seal)
        if event.type in _READ:
            self._read_body(event, chain)

    def _check_seal(self, event: EventLine, chain: _Chain, seal: SealLine) -> None:
        if seal.last_leaf != event.leaf:
            why = "its session was sealed with another event in its place"
            _bad(_event_name(chain, event.seq), why)

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
        """Note an opening, a control, a stop, or a call that was granted or started."""
        item = _event_name(chain, event.seq)
        if chain.head.kind != _READ[event.type]:
            kind = chain.head.kind
            _bad(item, f"a `{event.type}` has no place in a stream of kind `{kind}`")
        if event.type in _STOPS and chain.killed_at is None:
            chain.killed_at = event.control_revision
        if event.body is None:
            self._note_erased(event, chain)
            return
        try:
            self._note(event, _parsed(event.body), chain)
        except (ValueError, RecursionError) as fault:
            _bad(item, f"its body is not that of a `{event.type}`: {fault}")

    def _note_erased(self, event: EventLine, chain: _Chain) -> None:
        kind = event.type
        if kind not in _STOPS:
            self._unread += 1
        if kind in _DECIDED:
            chain.erased_proposals += 1
        elif kind == CONTROL_SET:
            chain.erased_controls += 1
        elif kind in {HOST_REGISTERED, HOST_REVOKED}:
            chain.erased_hosts += 1
        elif kind in {RECEIPT_RECEIVED, CALL_SETTLED}:
            chain.erased_receipts += 1
        elif kind == STANDING_GRANTED:
            chain.erased_standing += 1
        elif kind in _PEOPLE:
            chain.erased_people += 1
            self._note_first_key(event)

    def _note(self, event: EventLine, body: object, chain: _Chain) -> None:
        if event.type == CONTROL_SET:
            control = msgspec.convert(body, _SetBody)
            self._note_control(control, event.control_epoch, _event_name(chain, event.seq))
        elif event.type == CONTROL_LIFTED:
            self._note_lifting(msgspec.convert(body, _LiftedBody), event, chain)
        elif event.type == SESSION_OPENED:
            # Only what it was opened with: nothing moves a session to another artifact.
            if event.seq == 1:
                opened = msgspec.convert(body, _OpenedBody)
                chain.agent, chain.artifact = sys.intern(opened.agent), opened.artifact_id
                chain.environment = sys.intern(opened.environment)
        elif event.type in _DECIDED:
            proposed = msgspec.convert(body, _ProposedBody)
            if proposed.status == _GRANTED:
                self._note_granted(proposed, event.control_epoch, chain)
                self._note_use(proposed, event, chain)
        elif event.type == CALL_STARTED:
            started = msgspec.convert(body, _StartedBody)
            self._note_started(started.call_id, event.control_epoch, chain)
        else:
            self._note_evidence(event, body, chain)

    def _note_evidence(self, event: EventLine, body: object, chain: _Chain) -> None:
        """Note what was reported of a call or settled it, and whose signed word may count."""
        item = _event_name(chain, event.seq)
        if event.type == RECEIPT_RECEIVED:
            received = msgspec.convert(body, _ReceivedBody)
            self._note_receipt(received, event.control_epoch, chain, item)
        elif event.type == CALL_SETTLED:
            self._note_settled(msgspec.convert(body, _SettledBody), chain, item)
        elif event.type == CALL_ABANDONED:
            self._note_abandoned(msgspec.convert(body, _AbandonedBody), chain, item)
        elif event.type == HOST_REGISTERED:
            host = msgspec.convert(body, _HostBody)
            if host.key_id in self._hosts:
                _bad(item, "it registers a key that was registered before")
            self._hosts[host.key_id] = host
        elif event.type == HOST_REVOKED:
            key_id = msgspec.convert(body, _HostEndBody).key_id
            if key_id not in self._hosts and not chain.erased_hosts:
                _bad(item, "it ends a registration that no event before it made")
            self._ended_hosts.setdefault(key_id, event.control_epoch)
        elif event.type == ORPHAN_KEPT:
            orphan = msgspec.convert(body, _OrphanBody)
            self._note_orphan(orphan, event.control_epoch, item)
        elif event.type in _PEOPLE:
            self._note_people(event, body, item)
        else:
            self._note_beforehand(event, body, chain, item)

    def _note_receipt(self, said: _ReceivedBody, epoch: int, chain: _Chain, item: str) -> None:
        """Compute how good a report is: its reporter's own word, or what its host signed."""
        if said.attested_by is None:
            if said.evidence_level not in _OWN_WORDS:
                _bad(item, f"it calls a reporter's own word `{said.evidence_level[:80]}`")
        else:
            if said.evidence_level != _ATTESTED:
                _bad(item, "it holds a host's word, and says that it counts for less")
            receipt, key_id = self._open_word(said.attested_by.envelope)
            if (key_id, receipt.outcome is HostOutcome.NEVER_BEGUN) != (
                said.attested_by.key_id,
                said.attested_by.never_begun,
            ):
                _bad(item, "the host's word says otherwise than the event of it")
            named = (receipt.session_id, receipt.call_id, receipt.external_ref)
            if named != (chain.head.stream_id, said.call_id, said.external_ref):
                _bad(item, "the host's word is on another call")
            self._check_word(receipt, said, item)
            granted = None if said.call_id is None else self._granted.get(said.call_id)
            if granted is not None and granted.tool != receipt.tool:
                _bad(item, "the host's word is on a call of another tool")
            if chain.environment and chain.environment != receipt.environment.value:
                _bad(item, "the host's word is for another environment")
            self._note_word(receipt, key_id, epoch, item)
        if said.receipt_id is not None:
            word = said.attested_by
            self._reported[said.receipt_id] = _Reported(
                said.call_id, word is not None, word is not None and word.never_begun
            )

    def _open_word(self, envelope: bytes) -> tuple[HostReceipt, str]:
        """Return what a host signed, and the id of its key."""
        try:
            opened = dsse.parse_envelope(envelope)
        except EnvelopeRefused as refusal:
            _bad(f"a `{RECEIPT_TYPE}`", refusal.detail)
        receipt, key = self._open(opened, RECEIPT_TYPE, KeyPurpose.TOOL_HOST, HostReceipt)
        if receipt.key_id != key.key_id:
            _bad(f"a `{RECEIPT_TYPE}`", "it names another key than the one that signed it")
        return receipt, key.key_id

    def _check_word(
        self, receipt: HostReceipt, said: _ReceivedBody | _OrphanBody, item: str
    ) -> None:
        self._check_tenant(receipt.tenant_id, item)
        has_succeeded = receipt.outcome is HostOutcome.SUCCEEDED
        told = "succeeded" if has_succeeded else "failed"
        named = (receipt.arguments_hash, told, receipt.output_hash)
        if named != (said.arguments_hash, said.status, said.output_hash):
            _bad(item, "the host's word says otherwise than the event of it")

    def _note_word(self, receipt: HostReceipt, key_id: str, epoch: int, item: str) -> None:
        """Remember where a host's word last counted, to be held against its registration."""
        word = _Attested(key_id, sys.intern(receipt.tool), receipt.environment.value)
        last = self._words.get(word)
        if last is None or last[0] < epoch:
            self._words[word] = (epoch, item, self.line)
        self.attestations += 1

    def _note_settled(self, said: _SettledBody, chain: _Chain, item: str) -> None:
        """Compute how good the word was that a call was settled on."""
        self._settled_by[said.call_id] = said.receipt_id
        level = said.evidence_level
        is_cited = said.settlement_id is not None
        if said.reconciled_by is not None:
            is_known = said.reconciled_by in self._settled_by
            best = _VERIFIED if self._is_attested(said.reconciled_by) else _OWN_WORD
            fits = is_cited and level in {best, _OWN_WORD}
            why = "it says more of the read that told of it than was signed"
        elif said.receipt_id is not None:
            report = self._reported.get(said.receipt_id)
            is_known = report is not None
            if report is not None and report.call != said.call_id:
                _bad(item, "it cites a receipt of another call")
            best = _ATTESTED if report is not None and report.is_attested else _OWN_WORD
            # Whoever cites it may be an operator, whose own word is as good as any.
            fits = level in {best, _OWN_WORD} or (is_cited and level == _VERIFIED)
            why = "it says more of the receipt that it cites than was signed"
        else:
            is_known = True
            fits = is_cited and level == _VERIFIED
            why = "it names neither a receipt nor whoever settled it"
        if not is_known and chain.erased_receipts:
            self._unproved_levels += 1
        elif not is_known:
            _bad(item, "it names a word that no event before it tells of")
        elif not fits and level:
            _bad(item, why)

    def _note_abandoned(self, said: _AbandonedBody, chain: _Chain, item: str) -> None:
        """Hold a call that was given up before its time to its host's word that it never began."""
        if said.receipt_id is None:
            return
        report = self._reported.get(said.receipt_id)
        if report is None and chain.erased_receipts:
            self._unproved_levels += 1
        elif report is None or report.call != said.call_id or not report.never_begun:
            _bad(item, "no host signed that this call was never begun")

    def _is_attested(self, call_id: UUID) -> bool:
        """Tell whether a host signed the report by which this call was settled."""
        cited = self._settled_by.get(call_id)
        report = None if cited is None else self._reported.get(cited)
        return report is not None and report.is_attested

    def _note_orphan(self, said: _OrphanBody, epoch: int, item: str) -> None:
        """Hold the receipt of a call that nobody knew to the grant that proves the call."""
        try:
            envelope = dsse.parse_envelope(said.grant)
        except EnvelopeRefused as refusal:
            _bad(item, refusal.detail)
        grant, _ = self._open(envelope, GRANT_TYPE, KeyPurpose.GRANT, Grant)
        self._check_tenant(grant.tenant_id, item)
        named = (grant.session_id, grant.call_id, grant.agent, grant.tool)
        if named != (said.session_id, said.call_id, said.agent, said.tool):
            _bad(item, "its grant is for another call")
        if said.conflicting is not (grant.arguments_hash != said.arguments_hash):
            _bad(item, "it says otherwise than its grant which arguments ran")
        level = _OWN_WORD if said.attestation is None else _ATTESTED
        if said.evidence_level != level:
            _bad(item, "it says more or less of its report than was signed")
        if said.attestation is not None:
            receipt, key_id = self._open_word(said.attestation)
            place = (receipt.session_id, receipt.call_id, receipt.tool, receipt.environment)
            if place != (grant.session_id, grant.call_id, grant.tool, grant.environment):
                _bad(item, "the host's word is on another call")
            self._check_word(receipt, said, item)
            self._note_word(receipt, key_id, epoch, item)
        self.orphans += 1

    def _note_first_key(self, event: EventLine) -> None:
        """Remember the epoch from which on somebody in the tenant could sign."""
        if event.type == KEY_ENROLLED and self._first_key is None:
            self._first_key = event.control_epoch

    def _note_people(self, event: EventLine, body: object, item: str) -> None:
        """Note whose key counts from here on, or whose does not."""
        mark = _Mark(event.seq, event.control_epoch, event.time)
        self._note_first_key(event)
        if event.type == KEY_ENROLLED:
            key = msgspec.convert(body, _KeyBody)
            if key.key_id in self._person_keys:
                _bad(item, "it enrols a key that was enrolled before")
            kept = _PersonKey(key.actor_id, bool(key.confirmed_by), event.control_epoch)
            self._person_keys[key.key_id] = kept
        elif event.type == KEY_REVOKED:
            self._ended_keys.setdefault(msgspec.convert(body, _KeyEndBody).key_id, mark)
        elif event.type == LET_IN:
            let_in = msgspec.convert(body, _LetInBody)
            self._let_in[let_in.workspace_id, let_in.actor_id, let_in.key_id] = event.seq
        else:
            gone = msgspec.convert(body, _RemovedBody)
            self._removed.setdefault((gone.workspace_id, gone.actor_id), []).append(mark)

    def _note_beforehand(self, event: EventLine, body: object, chain: _Chain, item: str) -> None:
        """Note what somebody said yes to beforehand, or that this is over."""
        mark = _Mark(event.seq, event.control_epoch, event.time)
        if event.type == STANDING_GRANTED:
            said = msgspec.convert(body, _StandingBody)
            standing = self._open_standing(said, item)
            if said.standing_id in self._standing:
                _bad(item, "it tells of a standing grant that was given before")
            self._check_signer(standing, chain, item)
            self._standing[said.standing_id] = _Beforehand(standing, mark)
        elif event.type == STANDING_REVOKED:
            ended = msgspec.convert(body, _StandingEndBody).standing_id
            self._ended_standing.setdefault(ended, mark)

    def _open_standing(self, said: _StandingBody, item: str) -> Standing:
        """Return what a person signed beforehand."""
        try:
            opened = dsse.parse_envelope(said.envelope)
        except EnvelopeRefused as refusal:
            _bad(item, refusal.detail)
        standing, key = self._open(opened, STANDING_TYPE, KeyPurpose.PERSON, Standing)
        self._check_tenant(standing.tenant_id, item)
        if (standing.key_id, standing.granted_by) != (key.key_id, key.actor_id):
            _bad(item, "it is not the word of whoever's key signed it")
        if (standing.standing_id, standing.granted_by) != (said.standing_id, said.granted_by):
            _bad(item, "what was signed says otherwise than the event of it")
        return standing

    def _check_signer(self, standing: Standing, chain: _Chain, item: str) -> None:
        """Refuse a yes by a key that had ended before it, by the order of its own stream."""
        if standing.key_id in self._ended_keys:
            _bad(item, "the key that signed it had been revoked before")
        signer = standing.workspace_id, standing.granted_by
        gone = self._removed.get(signer)
        let_in = self._let_in.get((*signer, standing.key_id), 0)
        # A key that was let in again counts again; whose body was erased may be the one that was.
        if gone and gone[-1].seq > let_in and not chain.erased_people:
            _bad(item, "whoever signed it had been removed as an approver before")

    def _note_use(self, call: _ProposedBody, event: EventLine, chain: _Chain) -> None:
        if call.standing is None:
            return
        item = _event_name(chain, event.seq)
        place = (sys.intern(call.tool), chain.agent, chain.environment)
        moment = (event.control_epoch, event.time)
        self._uses.append(_Use(call.standing, *place, *moment, item, self.line))

    def _authority(self) -> list[_Chain]:
        """Return the streams of the kind that tells of people and hosts."""
        return [one for one in self._chains.values() if one.head.kind == _READ[KEY_ENROLLED]]

    def _check_uses(self) -> None:
        """Hold each call that was granted beforehand to what was signed, once all was read."""
        used: Counter[UUID] = Counter()
        is_told = any(not chain.erased_standing for chain in self._authority())
        is_end_told = not any(chain.erased_people for chain in self._authority())
        for use in self._uses:
            given = self._standing.get(use.standing_id)
            if given is None:
                if is_told:
                    why = "no event gives the yes beforehand that it names"
                    raise _BadError(use.item, why, use.line)
                self._unproved_uses += 1
                continue
            used[use.standing_id] += 1
            self._check_use(use, given.standing)
            self._check_moment(use, given)
            self._unended_uses += not is_end_told
            if used[use.standing_id] > given.standing.uses:
                why = "people said yes beforehand to fewer calls"
                raise _BadError(use.item, why, use.line)

    def _check_use(self, use: _Use, standing: Standing) -> None:
        said = (standing.tool, standing.agent, standing.environment.value)
        if any(one not in {"", other} for one, other in zip(use[1:4], said, strict=True)):
            why = "people said yes beforehand to calls of another tool, agent or environment"
            raise _BadError(use.item, why, use.line)
        if use.time > microseconds(standing.expires_at) + _LATE:
            why = "the yes that was given beforehand had run out"
            raise _BadError(use.item, why, use.line)

    def _check_moment(self, use: _Use, given: _Beforehand) -> None:
        """Refuse a use before the yes, or after its end or that of its signer's key."""
        moment = (use.epoch, use.time)
        if moment < given.at[1:]:
            raise _BadError(use.item, "the yes that it names was given later", use.line)
        standing = given.standing
        over = self._ended_standing.get(use.standing_id)
        ended = self._ended_keys.get(standing.key_id)
        removals = self._removed.get((standing.workspace_id, standing.granted_by), [])
        place = bisect_right(removals, given.at)
        gone = removals[place] if place < len(removals) else None
        # Its event follows those of all its uses, whatever the epochs are.
        if over is not None and (moment > over[1:] or use.time > over.time):
            why = "the yes that was given beforehand had been revoked"
            raise _BadError(use.item, why, use.line)
        if ended is not None and moment > ended[1:]:
            why = "the key that signed the yes beforehand had been revoked"
            raise _BadError(use.item, why, use.line)
        if gone is not None and moment > gone[1:]:
            why = "whoever had said yes beforehand had been removed as an approver"
            raise _BadError(use.item, why, use.line)
        near = [mark for mark in (given.at, over, ended, gone) if mark is not None]
        self._timed_uses += any(mark.epoch == use.epoch for mark in near)

    def _note_control(self, control: _SetBody, epoch: int, item: str) -> None:
        if control.control_id in self._controls:
            _bad(item, "a control with this id was set before")
        scope = None
        if control.effect == _KILL:
            if control.kind not in _SCOPES:
                _bad(item, f"it kills a `{control.kind[:80]}`, which is not known here")
            scope = (control.kind, "" if control.kind == _TENANT else control.target)
        self._controls[control.control_id] = _Control(scope, epoch)

    def _note_lifting(self, lifted: _LiftedBody, event: EventLine, chain: _Chain) -> None:
        """Find the control, which an earlier event set, and take it out of force from here on."""
        item = _event_name(chain, event.seq)
        control = self._controls.get(lifted.control_id)
        given = (lifted.ask_vote, lifted.confirm_vote)
        ask, confirm = (None if one is None else one.encode() for one in given)
        actor, epoch = UUID(event.actor_id), event.control_epoch
        self._lifts.append(_Lift(lifted, (ask, confirm), control, actor, epoch, item, self.line))
        if control is None and chain.erased_controls:
            self._unread += 1
            return
        if control is None or control.epoch >= event.control_epoch:
            _bad(item, "it lifts a control that no event before it set")
        if lifted.control_id in self._lifted:
            _bad(item, "it lifts a control that was lifted before")
        if control.scope is None or control.scope[0] not in _LIFTED:
            _bad(item, "it lifts what is never lifted")
        named = (lifted.kind, "" if lifted.kind == _TENANT else lifted.target)
        if lifted.kind and named != control.scope:
            _bad(item, "it names another agent or tool than the control that it lifts")
        if lifted.asked_by.bytes == self._actor(event.actor_id):
            _bad(item, "one person lifted it alone")
        self._lifted[lifted.control_id] = event.control_epoch

    def _check_lifts(self) -> None:
        """Hold each lifting to what two people signed, once all was read."""
        for lift in self._lifts:
            try:
                self._check_lift(lift)
            except _BadError as bad:
                raise _BadError(lift.item, bad.why, lift.line) from bad

    def _check_lift(self, lift: _Lift) -> None:
        ask, confirm = lift.votes
        if lift.said.asked_by == lift.confirmed_by:
            _bad(lift.item, "one person lifted it alone")
        if ask is None and confirm is None:
            # An enrolment after it names its epoch or a later one: the lifting raises it.
            if self._first_key is not None and self._first_key < lift.epoch:
                _bad(lift.item, "nobody signed it, and somebody had a key to sign with")
            self._unsigned_lifts += 1
            return
        if ask is None or confirm is None:
            _bad(lift.item, "one of the two who lifted it did not sign it")
        asker = self._open_lift_vote(ask, lift, LiftAct.ASK)
        other = self._open_lift_vote(confirm, lift, LiftAct.CONFIRM)
        if not (self._is_counted(asker, lift) and self._is_counted(other, lift)):
            self._unproved_lifts += 1

    def _open_lift_vote(self, given: bytes, lift: _Lift, act: LiftAct) -> LiftVote:
        """Return what one of the two signed, which must be on this lifting as it is told."""
        try:
            opened = dsse.parse_envelope(given)
        except EnvelopeRefused as refusal:
            _bad(lift.item, refusal.detail)
        vote, key = self._open(opened, LIFT_VOTE_TYPE, KeyPurpose.PERSON, LiftVote)
        self._check_voter(vote, key, lift.item)
        said, is_ask = lift.said, act is LiftAct.ASK
        told = (
            (act, said.lift_id, said.control_id, said.kind, said.target),
            vote.set_epoch if lift.control is None else lift.control.epoch,
            said.reason if is_ask else said.confirm_reason,
            said.asked_by if is_ask else lift.confirmed_by,
        )
        signed = (
            (vote.act, vote.lift_id, vote.control_id, vote.kind, vote.target),
            vote.set_epoch,
            vote.reason,
            vote.voter_id,
        )
        if signed != told:
            _bad(lift.item, f"the word to {act.value} it is signed for something else")
        return vote

    def _is_counted(self, vote: LiftVote, lift: _Lift) -> bool:
        """Tell whether the bundle proves that the key of one of the two counted at the lifting.

        What ends or enrols a key is told with the epoch of before the lifting, or with a later one.
        """
        key = self._person_keys.get(vote.key_id)
        ended = self._ended_keys.get(vote.key_id)
        streams = self._authority()
        is_told = bool(streams) and not any(chain.erased_people for chain in streams)
        if key is None:
            if is_told:
                _bad(lift.item, "no event enrols the key of one who signed it")
            return False
        if key.actor_id != vote.voter_id:
            _bad(lift.item, "the key of one who signed it is enrolled for somebody else")
        if key.epoch >= lift.epoch:
            _bad(lift.item, "the key of one who signed it was enrolled later")
        if ended is not None and ended.epoch < lift.epoch:
            _bad(lift.item, "the key of one who signed it had been revoked")
        is_new = lift.control is not None and key.epoch >= lift.control.epoch
        if is_new and not key.is_confirmed:
            _bad(lift.item, "a key that signed it is newer than the kill, and nobody confirmed it")
        return is_told and (lift.control is not None or key.is_confirmed)

    def _note_granted(self, call: _ProposedBody, epoch: int, chain: _Chain) -> None:
        if call.call_id in self._granted:
            _bad(_event_name(chain, chain.seq), "it grants a call that was granted before")
        self._granted[call.call_id] = _Granted(
            chain.head.stream_id, sys.intern(call.tool), call.arguments_hash
        )
        self._note_call(call.tool, epoch, chain)

    def _note_started(self, call_id: UUID, epoch: int, chain: _Chain) -> None:
        """Find the call, which an earlier event of the session granted, and through it the tool."""
        granted = self._granted.get(call_id)
        if granted is not None and granted.session == chain.head.stream_id:
            self._note_call(granted.tool, epoch, chain)
        elif granted is None and chain.erased_proposals:
            self._unproved_starts += 1
            self._hold_against_kills(None, epoch, chain)
        else:
            why = "it starts a call that no event of its session before it granted"
            _bad(_event_name(chain, chain.seq), why)

    def _note_call(self, tool: str, epoch: int, chain: _Chain) -> None:
        self._hold_against_kills(tool, epoch, chain)
        self.calls += 1

    def _hold_against_kills(self, tool: str | None, epoch: int, chain: _Chain) -> None:
        """Refuse what follows the session's stop now, and remember it for kills told of later."""
        item = _event_name(chain, chain.seq)
        if chain.killed_at is not None:
            _bad(item, "it grants or starts a call although the session had been stopped")
        given = _Given(epoch, tool, chain.agent, chain.artifact)
        self._given.setdefault(given, (item, self.line))

    def _is_killed(self, given: _Given) -> bool:
        """Tell whether a kill of the tenant or of one of these was in force at a control epoch."""
        reached = {"agent": given.agent, "tool": given.tool, "artifact": given.artifact}
        scopes = [(_TENANT, ""), *((kind, name) for kind, name in reached.items() if name)]
        return any(_holds(self._kills.get(scope, []), given.epoch) for scope in scopes)

    def _find_kills(self) -> None:
        """Put together when each scope was killed, once every control has been read."""
        spans: dict[tuple[str, str], list[tuple[int, int | None]]] = {}
        for control_id, control in self._controls.items():
            if control.scope is not None:
                span = (control.epoch, self._lifted.get(control_id))
                spans.setdefault(control.scope, []).append(span)
        self._kills = {scope: _joined(found) for scope, found in spans.items()}

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
        self._check_words()
        self._check_uses()
        self._check_lifts()
        self._find_kills()
        for given, (item, line) in self._given.items():
            if self._is_killed(given):
                why = "it grants or starts a call while a kill of its scope was in force"
                raise _BadError(item, why, line)

    def _check_words(self) -> None:
        """Hold each host's word to the registration of its key, once all of them were read."""
        is_told = any(
            chain.head.kind == _READ[HOST_REGISTERED] and not chain.erased_hosts
            for chain in self._chains.values()
        )
        for word, (epoch, item, line) in self._words.items():
            host = self._hosts.get(word.key_id)
            if host is None and is_told:
                raise _BadError(item, "no event registers the host whose word it holds", line)
            if host is None:
                self._unregistered += 1
                continue
            if word.tool not in host.tools or word.environment != host.environment:
                why = "the host whose word it holds is registered for other tools, or elsewhere"
                raise _BadError(item, why, line)
            end = self._ended_hosts.get(word.key_id)
            if end is not None and epoch >= end:
                why = "the registration of the host whose word it holds had ended"
                raise _BadError(item, why, line)

    def _take_grant(self, envelope: Envelope) -> None:
        grant, _ = self._open(envelope, GRANT_TYPE, KeyPurpose.GRANT, Grant)
        item = f"the grant for call {grant.call_id}"
        if grant.tenant_id.bytes != self._tenant:
            _bad(item, "it belongs to another tenant")
        chain = self._chains.get(str(grant.session_id))
        artifact = "" if chain is None else chain.artifact
        if self._is_killed(_Given(grant.control.epoch, grant.tool, grant.agent, artifact)):
            _bad(item, "it was given while a kill of its scope was in force")
        if chain is not None:
            _check_grant_place(grant, item, chain)
        self._match_grant(grant, item, chain)
        self.grants += 1

    def _match_grant(self, grant: Grant, item: str, chain: _Chain | None) -> None:
        """Hold a grant against the event that granted its call, if the bundle can tell."""
        granted = self._granted.get(grant.call_id)
        if granted is not None:
            if granted != (grant.session_id, grant.tool, grant.arguments_hash):
                _bad(item, "its call was granted for another session, tool or arguments")
            self.grants_matched += 1
        elif chain is not None and not chain.erased_proposals:
            _bad(item, "no event of its session granted its call")

    def _take_envelope(self, envelope: Envelope) -> None:
        kind = envelope.payload_type
        if kind == ARTIFACT_TYPE:
            self._open(envelope, kind, KeyPurpose.ARTIFACT, ArtifactPayload)
        elif kind == APPROVAL_VOTE_TYPE:
            vote, key = self._open(envelope, kind, KeyPurpose.PERSON, ApprovalVote)
            item = f"the vote on request {vote.request_id}"
            self._check_voter(vote, key, item)
        elif kind == ENROLMENT_VOTE_TYPE:
            word, key = self._open(envelope, kind, KeyPurpose.PERSON, EnrolmentVote)
            item = f"the vote on enrolment {word.enrolment_id}"
            self._check_voter(word, key, item)
            if word.voter_id == word.actor_id:
                _bad(item, "a person decided on their own enrolment")
        elif kind == BREAK_GLASS_VOTE_TYPE:
            said, key = self._open(envelope, kind, KeyPurpose.PERSON, BreakGlassVote)
            item = f"the vote on activation {said.activation_id}"
            self._check_voter(said, key, item)
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

    def _check_voter(
        self,
        vote: ApprovalVote | EnrolmentVote | BreakGlassVote | LiftVote,
        key: NamedKey,
        item: str,
    ) -> None:
        self._check_tenant(vote.tenant_id, item)
        if (vote.key_id, vote.voter_id) != (key.key_id, key.actor_id):
            _bad(item, "the key that signed it is not its voter's")

    def _check_tenant(self, tenant: UUID, item: str) -> None:
        if tenant.bytes != self._tenant:
            _bad(item, "it belongs to another tenant")

    def _open(
        self, envelope: Envelope, expected: str, purpose: KeyPurpose, into: type[T]
    ) -> tuple[T, NamedKey]:
        """Return the document and the key that signed it, which must be the one it hints at."""
        item = f"a `{expected}`"
        key_id = envelope.signatures[0].keyid
        named, key = self._keys.get((purpose, key_id), (None, None))
        if named is None or key is None:
            _bad(item, f"its key id names none of the keys that count for a `{purpose}`")
        try:
            dsse.verify(envelope, expected, [key])
            return dsse.open_payload(envelope.payload, into), named
        except EnvelopeRefused as refusal:
            _bad(item, refusal.detail)

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
            grants_matched=self.grants_matched,
            envelopes=self.envelopes,
            seals=self.seals,
            attestations=self.attestations,
            orphans=self.orphans,
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
        if self.seals:
            yield f"{self.seals} sessions ended at the event that their seal names"
        if self.calls:
            yield (
                f"{self.calls} times a call was granted or started, and never while a kill of its "
                "session, its agent, its tool or its tenant that the bundle tells of was in force"
            )
        if starts := self.calls - len(self._granted):
            yield f"{starts} starts are of calls that an event of their session granted before"
        if self.grants:
            yield f"{self.grants} signed grants are whole, and none was given under such a kill"
        if self.grants_matched:
            yield (
                f"{self.grants_matched} of them are for calls that an event of their session "
                "granted, with the same tool and arguments"
            )
        if self.attestations:
            yield (
                f"{self.attestations} reports are what the tool's host signed, and every level of "
                "evidence is the one that the signed words give"
            )
        yield from self._proved_of_people()
        if self.orphans:
            yield f"{self.orphans} reports of calls that were not known come with their grants"
        if self.envelopes:
            yield f"{self.envelopes} other signed documents are whole and signed by the right key"

    def _proved_of_people(self) -> Iterator[str]:
        if proved := len(self._uses) - self._unproved_uses:
            yield (
                f"{proved} calls were granted by a yes that somebody had signed beforehand, for "
                "that tool, within its time and number"
            )
            if not self._unended_uses:
                yield (
                    "none of them follows the end of that yes, of the key that signed it or of its "
                    "signer as an approver, by the control epochs or, where one is shared, by the "
                    "database's clock"
                )
        if signed := len(self._lifts) - self._unsigned_lifts:
            yield f"{signed} liftings of a kill are what two different people signed"
        if counted := signed - self._unproved_lifts:
            yield (
                f"{counted} of them were signed with keys that were enrolled for these people, not "
                "revoked, and either older than the kill or confirmed by a colleague"
            )

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
            yield f"what {self._unread} of them did about controls, calls or people's keys"
        if self._unproved_starts:
            yield f"what {self._unproved_starts} starts were of, and that it had been granted"
        if self._unregistered:
            yield (
                f"that {self._unregistered} keys of hosts were registered for those tools then: "
                "the stream that would tell is not in the bundle, or bodies of it were erased"
            )
        if self._unproved_uses:
            yield (
                f"that people had said yes beforehand to {self._unproved_uses} calls: the stream "
                "that would tell is not in the bundle, or bodies of it were erased"
            )
        yield from self._not_proved_of_people()
        if self._unproved_levels:
            yield f"how good the word was that {self._unproved_levels} calls were settled on"
        unmatched = self.grants - self.grants_matched
        if unmatched:
            yield (
                f"that an event granted the calls of {unmatched} signed grants: their sessions "
                "are not in the bundle, or bodies of them were erased"
            )

    def _not_proved_of_people(self) -> Iterator[str]:
        if len(self._lifts) > self._unsigned_lifts:
            yield "that the two who signed a lifting are not one who holds the keys of both"
        if self._unsigned_lifts:
            yield f"that two people agreed to {self._unsigned_lifts} liftings: nobody signed them"
        if self._unproved_lifts:
            yield (
                f"that the keys which signed {self._unproved_lifts} liftings counted then: the "
                "stream that would tell is not in the bundle, or bodies were erased"
            )
        if len(self._uses) > self._unproved_uses:
            yield (
                "that whoever said yes beforehand was let in to the workspace and not disabled, "
                "and that the workspace was not archived: that is not checked"
            )
        if self._unended_uses:
            yield (
                f"that the keys of whoever said yes beforehand to {self._unended_uses} calls had "
                "not ended: bodies that may tell of it were erased"
            )
        if self._timed_uses:
            yield (
                f"that {self._timed_uses} calls came after the yes beforehand and before its end, "
                "other than by the database's clock: no control epoch lies between"
            )


def _joined(spans: list[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    """Return the spans in order, those that meet made one; None is an end that never came."""
    joined: list[tuple[int, int | None]] = []
    for begin, end in sorted(spans, key=lambda span: span[0]):
        if joined and (joined[-1][1] is None or begin <= joined[-1][1]):
            first, last = joined[-1]
            joined[-1] = (first, None if last is None or end is None else max(last, end))
        else:
            joined.append((begin, end))
    return joined


def _holds(spans: list[tuple[int, int | None]], epoch: int) -> bool:
    """Tell whether one of these joined spans holds an epoch: from its begin, up to its end."""
    place = bisect_right(spans, epoch, key=lambda span: span[0])
    if place == 0:
        return False
    end = spans[place - 1][1]
    return end is None or epoch < end


def _check_grant_place(grant: Grant, item: str, chain: _Chain) -> None:
    """Refuse a grant under a fence or controls that its session never had, or had stopped at."""
    if grant.fence > Fence(epoch=chain.fence[0], n=chain.fence[1]):
        _bad(item, "its fence is newer than any of its session's events")
    if grant.control.revision > chain.control_revision:
        _bad(item, "its control revision is newer than its session's events")
    if chain.killed_at is not None and grant.control.revision >= chain.killed_at:
        _bad(item, "it was given although its session had been stopped")


def _parsed(body: bytes) -> object:
    """Return what a body says. Raises `ValueError` unless it is in canonical form.

    A key that stands twice would be read one way here and another way elsewhere.
    """
    parsed = foreign.parse(body)
    if foreign.encode(parsed) != body:
        message = "it is not in canonical form"
        raise ValueError(message)
    return parsed


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
