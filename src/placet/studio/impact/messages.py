"""What the service and a worker process say to each other: frames of MessagePack.

The service sends a `Material`, then recordings in pieces: consecutive pieces of one session belong
together, and the last piece of a batch says so. A worker answers a material with `Ready` or
`Refused`, and a batch with a `Part`; a batch for one side alone with `Held` or `Verdicts`, of which
the latter is passed on to the worker that holds the other side.
"""

from enum import StrEnum
from typing import Final, TypeAlias
from uuid import UUID

import msgspec

from placet.kernel.value import Value
from placet.policy.finding import Finding
from placet.policy.needs import Need
from placet.replay.calls.model import Verdict
from placet.replay.recordings.model import Recording
from placet.studio.impact.model import Example, Judgment, MissingFact, VerdictCounts
from placet.studio.snapshots.model import BusinessDraftSnapshot

LENGTH_BYTES: Final = 4
FRAME_BYTES_MAX: Final = 128 * 1024 * 1024
"""The longest frame; no answer that is meant comes near it."""

_ENCODER: Final = msgspec.msgpack.Encoder()


class Authority(Value, frozen=True):
    """What is in force: the approval and what it compiled to."""

    approval_id: UUID
    compiled_hash: str
    runtime: bytes


class Which(StrEnum):
    """Which side of a comparison is asked for."""

    BOTH = "both"
    CANDIDATE = "candidate"
    IN_FORCE = "in_force"


class Material(Value, frozen=True, tag=True):
    """What calls are held to. `redacting` are the contracts of their sessions."""

    snapshot: BusinessDraftSnapshot
    in_force: Authority | None
    redacting: list[bytes]


class Batch(Value, frozen=True, tag=True):
    """Recordings, or a piece of them; they are judged when the last piece is there."""

    recordings: list[Recording]
    which: Which
    is_last: bool


class Ready(Value, frozen=True, tag=True):
    """Both sides are loaded.

    `is_against` says whether what is in force could be, and `is_same` whether it compiled to what
    the candidate did.
    """

    candidate_hash: str
    is_against: bool
    is_same: bool
    unrecorded: list[Need]


class Refused(Value, frozen=True, tag=True):
    """The candidate cannot be held to any call."""

    detail: str
    findings: list[Finding]


class FlipPart(Value, frozen=True):
    """Some of the calls whose verdict changes in one way, counted by tool."""

    before: Verdict
    after: Verdict
    tools: dict[str, int]
    examples: list[Example]


class UnjudgedPart(Value, frozen=True):
    """Some of the calls that cannot be judged for want of one kind of fact, counted by tool."""

    missing: MissingFact
    tools: dict[str, int]
    examples: list[Example]


class Part(Value, frozen=True, tag=True):
    """What a batch comes to; parts are added in the order of their batches."""

    same: int
    before: VerdictCounts
    after: VerdictCounts
    flips: list[FlipPart]
    unjudged: list[UnjudgedPart]


class Held(Value, frozen=True, tag=True):
    """The candidate's verdicts on a batch are there, and wait for the other side's."""


class Verdicts(Value, frozen=True, tag=True):
    """The verdicts of what is in force, by the ids of the calls."""

    judgments: dict[str, Judgment]


Asked: TypeAlias = Material | Batch | Verdicts
Answer: TypeAlias = Ready | Refused | Part | Held

ASKED: Final[msgspec.msgpack.Decoder[Asked]] = msgspec.msgpack.Decoder(Asked)
ANSWER: Final[msgspec.msgpack.Decoder[Answer]] = msgspec.msgpack.Decoder(Answer)


class NoFrameError(ValueError):
    """Bytes that no frame begins with."""


def frame_of(said: Value | bytes) -> bytes:
    """Return a message, or the bytes of one, with its length before it."""
    body = said if isinstance(said, bytes) else _ENCODER.encode(said)
    return len(body).to_bytes(LENGTH_BYTES) + body


def length_of(head: bytes) -> int:
    """Return how many bytes follow. Raises `NoFrameError` where no frame begins like this."""
    length = int.from_bytes(head)
    if len(head) != LENGTH_BYTES or length > FRAME_BYTES_MAX:
        raise NoFrameError(head)
    return length
