"""What is known of a session, and what is asked of it."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from msgspec import field

from placet.kernel.foreign import Json
from placet.kernel.value import Value
from placet.policy.amounts import Amounts
from placet.policy.numbers import Number

COMMITTED_MAX: Final = 256
"""Committed calls that the facts keep of one tool, the latest."""

COST_MICROS_MAX: Final = 2**53 - 1
"""The most that a session's cost comes to: larger numbers are not exact in JSON."""


class Status(StrEnum):
    """A session's status. All but `active` deny everything."""

    ACTIVE = "active"
    CLOSING = "closing"
    COMPLETED = "completed"
    KILLED = "killed"
    COMPROMISED = "compromised"
    EXPIRED = "expired"


class Remembered(Value, frozen=True):
    """What is kept of one call for the rules of later ones, by the canonical text of a path.

    - `arguments`: the likeness (`hashes.likeness`) of each value that some `same` compares.
    - `output`: the value at each path that some rule names; under a path with `[*]` a list with
      one inner list per selected place: one value, or none where it is missing. Under `=` and the
      path, the likeness that some `same` compares. Under `!` and the path, that there was too
      much to keep, and every rule on it fails. Null where there was no output.

    A missing value has no entry.
    """

    arguments: dict[str, object]
    output: dict[str, object] | None = None


CallId = UUID | str


class CommittedCall(Value, frozen=True):
    """A call that took effect, with what `remember.project` kept of it."""

    call_id: CallId
    committed_at: datetime
    arguments: dict[str, object] = field(default_factory=dict)
    output: dict[str, object] | None = None


class Facts(Value, frozen=True):
    """What is known of a session, and nothing that the agent merely claimed.

    A value of bounded size, however long the session: what grows with it is folded.

    - `now` carries a time zone. `started_at` is the session's; `waited` is how long it has waited
      for people so far, and `waiting_since` when the present wait began. Without `started_at`,
      a contract that limits the time denies.
    - `committed` holds, for tools that some rule requires, the latest `COMMITTED_MAX` committed
      calls, the newest last.
    - `counted` is the number of granted, unknown and committed calls of each tool. `steps` is the
      number of responses that have such a call; `is_step_counted` says that the response at hand
      is one of them, because an earlier part of it was granted.
    - `effect_keys_taken` are hashes from `effect_key_hash`; `repeats` those of the last granted
      calls, the newest last, failed ones too, as many as the contract's `loop` looks at.
    - `slots` are the values that committed calls left. `aggregates` are what the counted calls
      come to, by the aggregate's name; `envelopes` the first committed values, by the envelope's.
    - `cost_micros` was spent, `reserved_micros` may yet be.
    - `principal` are the attributes of whoever the agent acts for, `labels` those of the session,
      `filtered` the tools that an operator took away.
    - `approved` are the ids of calls that people said yes to.
    - `is_recovering` says that the database was restored, and what was lost not looked at yet.
    """

    now: datetime
    status: Status = Status.ACTIVE
    phase: str | None = None
    committed: Mapping[str, Sequence[CommittedCall]] = field(default_factory=dict)
    counted: Mapping[str, int] = field(default_factory=dict)
    effect_keys_taken: AbstractSet[bytes] = frozenset()
    approved: AbstractSet[CallId] = frozenset()
    started_at: datetime | None = None
    waited: timedelta = timedelta(0)
    waiting_since: datetime | None = None
    steps: int = 0
    is_step_counted: bool = False
    repeats: Sequence[bytes] = ()
    slots: Mapping[str, Json] = field(default_factory=dict)
    aggregates: Mapping[str, Amounts] = field(default_factory=dict)
    envelopes: Mapping[str, Number] = field(default_factory=dict)
    cost_micros: int = 0
    reserved_micros: int = 0
    principal: Mapping[str, Json] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    filtered: AbstractSet[str] = frozenset()
    is_recovering: bool = False


class Call(Value, frozen=True):
    """A tool call as the model made it: `arguments` is JSON text, not yet trusted to be any.

    `call_id` is needed only where an approval of that call may stand in the facts.
    """

    tool: str
    arguments: bytes
    call_id: CallId | None = None
