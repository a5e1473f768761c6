"""The client: one key, one service, and the sessions that are opened with it."""

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from placet.kernel.clock import Clock, SystemClock
from placet.kernel.ids import Ids, SystemIds
from placet.kernel.principal import Environment
from placet.replay.sessions.model import KillAnswer, SessionMode
from placet.sdk.answers import SessionAnswer, Settlement
from placet.sdk.caller import Caller
from placet.sdk.endpoints import Settle
from placet.sdk.means import TTL_SECONDS, Means, Opening
from placet.sdk.plan import KnownPlan, PlanBook, environment_of_key, strictest
from placet.sdk.retry import Patience
from placet.sdk.session import Session
from placet.sdk.telling import Telling
from placet.sdk.transport import HttpxTransport, Transport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from placet.evidence.dsse import Envelope
    from placet.evidence.ed25519 import PublicKey

_HOLDER_BYTES: Final = 8


class Client:
    """Speaks to one service with one API key. Use it as `async with`, or `close` it.

    `environment` is what this process knows of itself. It can make things stricter than the key
    and the service say, never looser; where nobody says anything, it is production.
    """

    def __init__(  # noqa: PLR0913 -- what may be told of a client, each by its name
        self,
        url: str,
        api_key: str,
        *,
        transport: Transport | None = None,
        environment: Environment | str | None = None,
        patience: Patience | None = None,
        grant_keys: "Sequence[PublicKey] | None" = None,
        plan_folder: "str | PathLike[str] | None" = None,
        holder: str | None = None,
        reports: bool = True,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        """Take the service's address and an API key; nothing is sent yet.

        `grant_keys` pins the keys whose grants count; without it those of the plan do.
        `plan_folder` keeps the last plan for display while nobody answers. `holder` names this
        process in leases and reports; it must be another for every process. With `reports` the
        service is told, in the background, under which hash this process runs and which tools it
        offers.
        """
        self._ids = ids or SystemIds()
        caller = Caller(
            transport or HttpxTransport(url), api_key, clock or SystemClock(), self._ids
        )
        tried = patience or Patience()
        kept = None
        if plan_folder is not None:
            from placet.sdk.plan_file import PlanFile  # noqa: PLC0415 -- few need a folder

            kept = PlanFile(plan_folder, url, self._ids)
        told = None if environment is None else Environment(environment)
        known = [found for found in (told, environment_of_key(api_key)) if found is not None]
        self._holder = holder or f"sdk-{self._ids.token(_HOLDER_BYTES).hex()}"
        self._means = Means(
            caller=caller,
            plans=PlanBook(caller, tried, kept),
            patience=tried,
            environment=strictest(*known) if known else None,
            telling=Telling(caller, self._holder, is_on=reports),
            keys=None if grant_keys is None else tuple(grant_keys),
        )

    def __repr__(self) -> str:
        """Show the service and the environment, never the key."""
        environment = self._means.environment
        where = "unknown" if environment is None else environment.value
        return f"Client({self._means.caller!r}, environment={where}, holder={self._holder!r})"

    async def __aenter__(self) -> Self:
        """Return the client; nothing is sent."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections. Sessions must have been left before."""
        await self._means.telling.stop()
        await self._means.caller.close()

    @property
    def caller(self) -> Caller:
        """Return what sends requests, for routes that have no method here."""
        return self._means.caller

    def session(  # noqa: PLR0913 -- what may be said of a session, each by its name
        self,
        session_id: UUID | None = None,
        *,
        mode: SessionMode | None = None,
        ttl_seconds: int = TTL_SECONDS,
        wait_seconds: float = 0.0,
        steal_reason: str | None = None,
        journal: "str | PathLike[str] | None" = None,
        assertion: "Envelope | None" = None,
    ) -> Session:
        """Return a session to be entered with `async with`: a new one, or one that exists.

        `mode` may only ask for something stricter. The lease lives `ttl_seconds` and is renewed
        every third of that. Another holder's lease is waited for as long as any answer, or for
        `wait_seconds` if that is longer; with `steal_reason` an operator's key takes it away.

        With `journal`, a folder on a local disk, what is begun is written down there, and a process
        that comes back to the session takes over by itself what the one before it left.

        `assertion` is what a registered issuer signed about whoever the agent acts for
        (`placet.evidence.principal`); it counts for a new session, once.
        """
        opening = Opening(
            holder=self._holder,
            session_id=session_id,
            mode=mode,
            ttl_seconds=ttl_seconds,
            wait_seconds=wait_seconds,
            steal_reason=steal_reason,
            journal=None if journal is None else Path(journal),
            assertion=None if assertion is None else _encoded(assertion),
        )
        return Session(self._means, opening)

    def offer(self, tools: "Sequence[object]") -> None:
        """Tell the service which tools are offered to the model, as the model is given them.

        Each is a definition of a chat completion, of a message, or of an MCP server: what counts
        of it are its name, its description's hash and its input schema. Nothing is sent here.
        """
        self._means.telling.offer(tools)

    async def plan(
        self, agent: str, environment: Environment | str, *, wait_seconds: int = 0
    ) -> KnownPlan:
        """Return what holds for an agent: fresh, or the last that was known, and marked so.

        With `wait_seconds`, at most 30, a plan that this client knows already is returned once it
        is another, or when the time is over.
        """
        found = self._means.plans.fetch(agent, Environment(environment), wait_seconds=wait_seconds)
        return await found

    async def state(self, session_id: UUID, *, pending: bool = False) -> SessionAnswer:
        """Return any session that the key may read, with its open calls if `pending`."""
        return await self._means.endpoints.session(session_id, pending=pending)

    async def settle(self, session_id: UUID, settle: Settle) -> Settlement:
        """Settle an unknown call as an operator, with a reason."""
        return await self._means.endpoints.settle(session_id, None, settle)

    async def kill(self, session_id: UUID, reason: str) -> KillAnswer:
        """Stop a session for ever, as an operator."""
        return await self._means.endpoints.kill(session_id, reason)


def _encoded(assertion: "Envelope") -> bytes:
    from placet.evidence.dsse import encode_envelope  # noqa: PLC0415 -- few sessions have one

    return encode_envelope(assertion)
