"""A small log, its roots and proofs, and a checkpoint of it."""

import hashlib
from datetime import UTC, datetime
from typing import Final

from tests.evidence import samples

from placet.evidence import merkle
from placet.evidence.checkpoint import CheckpointPayload, origin_of
from placet.evidence.ed25519 import SigningKey
from placet.evidence.vote import CheckpointSeen

CHECKPOINT_KEY: Final = SigningKey(hashlib.sha256(b"sample checkpoint key").digest())
LEAVES: Final = tuple(hashlib.sha256(b"event %d" % n).digest() for n in range(11))
"""What stands for the leaves of events."""

HASHED: Final = [merkle.leaf_hash(leaf) for leaf in LEAVES]
KNOWN: Final = {(0, n): leaf for n, leaf in enumerate(HASHED)} | merkle.grow(0, (), HASHED).made


def root_at(size: int) -> bytes:
    """Return the root of the first `size` entries."""
    return merkle.root_of(HASHED[:size])


def log_vector() -> object:
    """Return the log with every root, every path to its last size, and every step to it."""
    size = len(LEAVES)
    return {
        "leaves": [leaf.hex() for leaf in LEAVES],
        "leaf_hashes": [leaf.hex() for leaf in HASHED],
        "roots": [root_at(n).hex() for n in range(size + 1)],
        "inclusion": [
            {"index": n, "size": size, "path": _path(merkle.inclusion_spans(n, size))}
            for n in range(size)
        ],
        "consistency": [
            {"from_size": n, "to_size": size, "path": _path(merkle.consistency_spans(n, size))}
            for n in range(size + 1)
        ],
    }


def sample_checkpoint() -> CheckpointPayload:
    """Return a checkpoint of the whole log, which names one before it."""
    size = len(LEAVES)
    return CheckpointPayload(
        tenant_id=samples.TENANT,
        origin=origin_of(samples.TENANT),
        size=size,
        root=root_at(size).hex(),
        epoch=1,
        system_identifier="7400000000000000001",
        timeline=1,
        time=datetime(2026, 3, 1, 9, 31, tzinfo=UTC),
        previous=CheckpointSeen(size=6, root=root_at(6).hex()),
        key_id=CHECKPOINT_KEY.key_id,
    )


def _path(spans: list[merkle.Span]) -> list[str]:
    return [step.hex() for step in merkle.hashes_of(spans, KNOWN)]
