"""The client of the studio: one service, one API key, and a property per noun."""

from types import TracebackType
from typing import Self

from placet.kernel.clock import Clock, SystemClock
from placet.kernel.ids import Ids, SystemIds
from placet.sdk.caller import Caller
from placet.sdk.retry import Patience
from placet.sdk.studio.approvals import Approvals
from placet.sdk.studio.asks import Asks
from placet.sdk.studio.audit import Audit
from placet.sdk.studio.break_glass import BreakGlass
from placet.sdk.studio.checkpoints import Checkpoints
from placet.sdk.studio.controls import Controls
from placet.sdk.studio.door import PEOPLES_PATIENCE, Door
from placet.sdk.studio.drafts import Drafts
from placet.sdk.studio.drift import Drift
from placet.sdk.studio.enrolments import Enrolments
from placet.sdk.studio.erasures import Erasures
from placet.sdk.studio.impact import Impact
from placet.sdk.studio.issuers import Issuers
from placet.sdk.studio.keys import Keys
from placet.sdk.studio.people import People
from placet.sdk.studio.plans import Plans
from placet.sdk.studio.recovery import Recovery
from placet.sdk.studio.requests import Requests
from placet.sdk.studio.retention import Retention
from placet.sdk.studio.sessions import Sessions
from placet.sdk.studio.snapshots import Snapshots
from placet.sdk.studio.sources import Sources
from placet.sdk.studio.standing import StandingGrants
from placet.sdk.studio.streams import Streams
from placet.sdk.studio.tool_hosts import ToolHosts
from placet.sdk.studio.views import Views
from placet.sdk.studio.webhooks import Webhooks
from placet.sdk.studio.workspaces import Workspaces
from placet.sdk.transport import HttpxTransport, Transport


class Studio:
    """Speaks to one service with one person's API key. Use it as `async with`, or `close` it."""

    def __init__(  # noqa: PLR0913 -- what may be told of a client, each by its name
        self,
        url: str,
        api_key: str,
        *,
        transport: Transport | None = None,
        patience: Patience | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        """Take the service's address and an API key; nothing is sent yet."""
        caller = Caller(
            transport or HttpxTransport(url), api_key, clock or SystemClock(), ids or SystemIds()
        )
        self._door = Door(caller, patience or PEOPLES_PATIENCE)

    def __repr__(self) -> str:
        """Show the service, never the key."""
        return f"Studio({self._door.caller!r})"

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
        """Close the connections."""
        await self._door.caller.close()

    @property
    def door(self) -> Door:
        """Return what sends requests, for routes that have no method here."""
        return self._door

    @property
    def people(self) -> People:
        """Who one is, and who else is in the tenant."""
        return People(self._door)

    @property
    def audit(self) -> Audit:
        """What happened, searched."""
        return Audit(self._door)

    @property
    def streams(self) -> Streams:
        """Streams of events as files."""
        return Streams(self._door)

    @property
    def standing(self) -> StandingGrants:
        """What people say yes to beforehand."""
        return StandingGrants(self._door)

    @property
    def workspaces(self) -> Workspaces:
        """The governance of one agent in one environment each."""
        return Workspaces(self._door)

    @property
    def sources(self) -> Sources:
        """The material that rules stem from."""
        return Sources(self._door)

    @property
    def drafts(self) -> Drafts:
        """Contracts under work."""
        return Drafts(self._door)

    @property
    def snapshots(self) -> Snapshots:
        """Drafts, frozen."""
        return Snapshots(self._door)

    @property
    def impact(self) -> Impact:
        """What a snapshot would have said to recorded calls, and says beside what is in force."""
        return Impact(self._door)

    @property
    def requests(self) -> Requests:
        """What people are asked to assent to, and their votes on it."""
        return Requests(self._door)

    @property
    def approvals(self) -> Approvals:
        """What was assented to, and what it compiled to."""
        return Approvals(self._door)

    @property
    def asks(self) -> Asks:
        """Calls of agents that wait for people, and the signed answers."""
        return Asks(self._door)

    @property
    def recovery(self) -> Recovery:
        """What restores may have taken, and its closing."""
        return Recovery(self._door)

    @property
    def break_glass(self) -> BreakGlass:
        """What was approved to stand by, put in force for a while by two operators."""
        return BreakGlass(self._door)

    @property
    def sessions(self) -> Sessions:
        """What agents have under way, and how it ends."""
        return Sessions(self._door)

    @property
    def tool_hosts(self) -> ToolHosts:
        """Who runs tools, and whose signed word on a call counts."""
        return ToolHosts(self._door)

    @property
    def controls(self) -> Controls:
        """What reaches further than one session: kills, and their lifting."""
        return Controls(self._door)

    @property
    def checkpoints(self) -> Checkpoints:
        """Signed words on the whole log, and proofs against them."""
        return Checkpoints(self._door)

    @property
    def issuers(self) -> Issuers:
        """Who may say for whom an agent acts."""
        return Issuers(self._door)

    @property
    def drift(self) -> Drift:
        """Where what agents do parts from what was approved."""
        return Drift(self._door)

    @property
    def enrolments(self) -> Enrolments:
        """Who may vote in a workspace, and with which key."""
        return Enrolments(self._door)

    @property
    def keys(self) -> Keys:
        """The keys whose signatures count."""
        return Keys(self._door)

    @property
    def plans(self) -> Plans:
        """What holds for an agent now."""
        return Plans(self._door)

    @property
    def views(self) -> Views:
        """What people look at: a workspace on a page, a tool's path, a preview."""
        return Views(self._door)

    @property
    def retention(self) -> Retention:
        """Return how long bodies are kept."""
        return Retention(self._door)

    @property
    def erasures(self) -> Erasures:
        """Return what was asked to be erased."""
        return Erasures(self._door)

    @property
    def webhooks(self) -> Webhooks:
        """Addresses that are told of what happens."""
        return Webhooks(self._door)
