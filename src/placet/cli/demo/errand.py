"""What a worker is told, and what it says: one JSON document a line, on its input and output."""

from enum import StrEnum
from uuid import UUID

from placet.kernel.value import Value


class Pause(StrEnum):
    """Where in its last turn a worker waits for a line of input before it goes on."""

    NEVER = "never"
    BEFORE_TURN = "before_turn"
    HOLDING_GRANT = "holding_grant"
    BEFORE_RECEIPT = "before_receipt"


class Errand(Value, frozen=True):
    """The first line of a worker's input: where to work, as whom, and the model's turns.

    Without `session_id` a session is opened. The worker waits `wait_seconds` for another's lease.
    """

    url: str
    api_key: str
    orders: str
    turns: list[str]
    session_id: UUID | None = None
    ttl_seconds: int = 15
    wait_seconds: float = 0.0
    pause: Pause = Pause.NEVER


class Attached(Value, frozen=True, tag=True):
    """The worker holds the lease of a session, under this fence."""

    session_id: UUID
    fence: str


class Ran(Value, frozen=True, tag=True):
    """A tool call of a turn came to its end; `reasons` are codes, `text` goes to the model."""

    tool: str
    arguments: str
    ending: str
    text: str
    call_id: UUID | None
    reasons: list[str]


class Waits(Value, frozen=True, tag=True):
    """The worker waits for a line of input, in the middle of this call if there is one."""

    call_id: UUID | None = None


class Refused(Value, frozen=True, tag=True):
    """Somebody said no to the worker: the service, the shop, or its own client."""

    by: str
    code: str
    detail: str


class Reported(Value, frozen=True, tag=True):
    """The service took a report of a call; a late one is kept and settles nothing."""

    status: str
    late: bool


News = Attached | Ran | Waits | Refused | Reported
