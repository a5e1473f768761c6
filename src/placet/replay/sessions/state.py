"""What its events lead to, of what stands in a session's row: its facts, without any time."""

from typing import Final
from uuid import UUID

from msgspec import field

from placet.events.model import StreamId
from placet.kernel.value import Value

ERRED_MAX: Final = 256
"""As many calls are remembered to have gone wrong while nobody knows what became of them."""

SNAPSHOT_EVENTS: Final = 500
"""Events of a session after which a snapshot of it is taken."""


class SessionHead(Value, frozen=True):
    """Where the stream of a session stands."""

    session_id: StreamId
    next_seq: int
    head: bytes


class CommittedMemory(Value, frozen=True):
    """A committed call as later rules need it: the JSON text at each path that some rule names."""

    call_id: UUID
    arguments: dict[str, str]
    output: dict[str, str] | None


class SessionState(Value, frozen=True, omit_defaults=True):
    """The facts that decisions read, folded from the session's events. It holds no time.

    - `counted` are the granted, unknown and committed calls of each tool, `steps` the responses
      that have such a call; settled failures are taken away.
    - `commits` numbers the commits. What they left for later rules stands in rows under these
      numbers: of each required tool since its latest in `remembered`, and the values of `slots`
      and of the envelopes in `firsts`.
    - `repeats` are the hashes, in hex, of the latest granted calls, as many as the contract looks
      at. `blocks` and `errors` came one after the other, `unguarded` calls ran without a grant.
      `erred` are the calls that are among the errors already and are not settled.
    - `cost_micros` is what the calls cost. Once it has come to the most there is, it stays there,
      and no correction lowers it any more.
    - `stopped` names the limit that would have stopped a session which only records.
    """

    phase: str | None
    counted: dict[str, int] = field(default_factory=dict)
    steps: int = 0
    commits: int = 0
    remembered: dict[str, int] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)
    firsts: dict[str, int] = field(default_factory=dict)
    repeats: list[str] = field(default_factory=list)
    blocks: int = 0
    errors: int = 0
    erred: list[str] = field(default_factory=list)
    unguarded: int = 0
    cost_micros: int = 0
    stopped: str | None = None
