"""What a client hands to its sessions."""

import dataclasses
from typing import TYPE_CHECKING, Final
from uuid import UUID

from placet.kernel.clock import Clock
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.replay.sessions.model import SessionMode
from placet.sdk.caller import Caller
from placet.sdk.endpoints import Endpoints
from placet.sdk.plan import PlanBook
from placet.sdk.retry import Patience
from placet.sdk.telling import Telling

if TYPE_CHECKING:
    from pathlib import Path

    from placet.evidence.ed25519 import PublicKey

TTL_SECONDS: Final = 15


@dataclasses.dataclass(frozen=True, kw_only=True)
class Means:
    """What sessions work with.

    `environment` is the strictest that the client was told of, or none; `keys` are pinned grant
    keys, or none where those of the plan are taken. `telling` says what this process runs.
    """

    caller: Caller
    plans: PlanBook
    patience: Patience
    environment: Environment | None
    telling: Telling
    keys: "tuple[PublicKey, ...] | None"

    @property
    def endpoints(self) -> Endpoints:
        """Return the routes, tried with the client's patience."""
        return Endpoints(self.caller, self.patience)

    @property
    def clock(self) -> Clock:
        """Return where the time comes from."""
        return self.caller.clock

    @property
    def ids(self) -> Ids:
        """Return where identifiers come from."""
        return self.caller.ids


@dataclasses.dataclass(frozen=True, kw_only=True)
class Opening:
    """Which session is wanted, and on what terms.

    Without `session_id` a new one is opened. `wait_seconds` bounds the wait for another holder's
    lease to end; with `steal_reason` an operator's key takes it away at once. `journal` is the
    folder where it is written down what is begun, `assertion` an issuer's word on whoever the agent
    acts for.
    """

    holder: str
    session_id: UUID | None = None
    mode: SessionMode | None = None
    ttl_seconds: int = TTL_SECONDS
    wait_seconds: float = 0.0
    steal_reason: str | None = None
    journal: "Path | None" = None
    assertion: bytes | None = None
