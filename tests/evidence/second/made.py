"""Logs of chance: streams that grow side by side, their tree, its checkpoints, and a bundle."""

import random  # noqa: TID251 -- a test's own chance, from a seed that it prints
from datetime import UTC, datetime
from uuid import UUID

from tests.evidence.samples import Said, chained

from placet.events.model import RecordedEvent
from placet.evidence import merkle
from placet.evidence.bundle import (
    BundleHeaderV2,
    BundleScope,
    ConsistencyLine,
    InclusionLine,
    KeyPurpose,
    NamedKey,
    ScopeKind,
    SealLine,
    StreamHead,
)
from placet.evidence.checkpoint import CheckpointPayload, origin_of, sign_checkpoint
from placet.evidence.dsse import Envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.export import BundleWriterV2
from placet.evidence.vote import CheckpointSeen
from placet.kernel.ids import TenantId

CHECKPOINT_KEY = SigningKey(b"\x0b" * 32)
AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
TEXTS = ("", "a", "\u20ac", "\U0001f600 and \ufb33", '"\\\n\x7f', "x" * 300)


class Log:
    """One tenant's history and what is signed about it."""

    def __init__(self, seed: int) -> None:
        """Make one up; the same seed makes the same."""
        chance = random.Random(seed)  # noqa: S311 -- a test's own chance
        self.tenant = TenantId(UUID(int=chance.getrandbits(128)))
        self.streams = [
            chained(UUID(int=chance.getrandbits(128)), _said(chance), tenant=self.tenant)
            for _ in range(chance.randint(1, 5))
        ]
        self.entries = _mixed(chance, self.streams)
        self.leaves = [merkle.leaf_hash(event.leaf) for event in self.entries]
        self.sizes = sorted({chance.randint(1, len(self.entries)), len(self.entries)})
        self.sealed = {event.stream_id for event in self.entries if chance.random() < 0.2}

    def root(self, size: int) -> bytes:
        """Return the root of the first entries."""
        return merkle.root_of(self.leaves[:size])

    def bundle(self) -> bytes:
        """Return the whole of it as a bundle."""
        writer = BundleWriterV2()
        lines = [writer.header(self._header()), writer.readme("made up")]
        lines += [
            writer.seal(
                SealLine(
                    stream_id=each[0].stream_id,
                    status="completed",
                    last_seq=len(each),
                    last_leaf=each[-1].leaf.hex(),
                )
            )
            for each in self.streams
            if each[0].stream_id in self.sealed
        ]
        lines += [writer.event(event) for event in self.entries]
        lines += [writer.checkpoint(envelope) for envelope in self._checkpoints()]
        lines += [writer.proof(line) for line in self._inclusions()]
        lines += [writer.proof(line) for line in self._consistencies()]
        return b"".join([*lines, writer.manifest()])

    def _header(self) -> BundleHeaderV2:
        key = NamedKey(
            key_id=CHECKPOINT_KEY.key_id,
            public_key=CHECKPOINT_KEY.public.raw,
            purpose=KeyPurpose.CHECKPOINT,
        )
        return BundleHeaderV2(
            tenant_id=self.tenant,
            exported_at=AT,
            scope=BundleScope(kind=ScopeKind.TENANT),
            streams=tuple(
                StreamHead(
                    stream_id=each[0].stream_id,
                    kind="session",
                    head_seq=len(each),
                    head_leaf=each[-1].leaf.hex(),
                )
                for each in self.streams
            ),
            keys=(key,),
        )

    def _checkpoints(self) -> list[Envelope]:
        made: list[Envelope] = []
        before: CheckpointSeen | None = None
        for size in self.sizes:
            root = self.root(size).hex()
            payload = CheckpointPayload(
                tenant_id=self.tenant,
                origin=origin_of(self.tenant),
                size=size,
                root=root,
                epoch=1,
                system_identifier="7300000000000000000",
                timeline=1,
                time=AT,
                previous=before,
                key_id=CHECKPOINT_KEY.key_id,
            )
            made.append(sign_checkpoint(payload, CHECKPOINT_KEY))
            before = CheckpointSeen(root=root, size=size)
        return made

    def _inclusions(self) -> list[InclusionLine]:
        size = self.sizes[-1]
        found = []
        for each in self.streams:
            index = self.entries.index(each[-1])
            path = self._hashes(merkle.inclusion_spans(index, size))
            found.append(
                InclusionLine(
                    stream_id=each[0].stream_id,
                    seq=len(each),
                    index=index,
                    size=size,
                    path=path,
                )
            )
        return found

    def _consistencies(self) -> list[ConsistencyLine]:
        size = self.sizes[-1]
        return [
            ConsistencyLine(
                from_size=old, to_size=size, path=self._hashes(merkle.consistency_spans(old, size))
            )
            for old in self.sizes[:-1]
        ]

    def _hashes(self, spans: list[merkle.Span]) -> tuple[str, ...]:
        return tuple(merkle.root_of(self.leaves[start:end]).hex() for start, end in spans)


def _said(chance: random.Random) -> list[Said]:
    fence = revision = epoch = 0
    said = []
    for _ in range(chance.randint(1, 12)):
        fence += chance.random() < 0.2
        revision += chance.random() < 0.1
        epoch += chance.random() < 0.1
        body: dict[str, object] = {
            chance.choice(TEXTS): chance.choice([*TEXTS, None, True, -1, 2**53 - 1])
        }
        kind = chance.choice(["Told", "Th\u20acn", "x" * 200])
        said.append(Said(kind, body, fence, epoch, revision))
    return said


def _mixed(chance: random.Random, streams: list[list[RecordedEvent]]) -> list[RecordedEvent]:
    """Return the events of all streams in an order of chance that keeps each stream's own."""
    left = [list(each) for each in streams]
    mixed = []
    while waiting := [each for each in left if each]:
        mixed.append(chance.choice(waiting).pop(0))
    return mixed
