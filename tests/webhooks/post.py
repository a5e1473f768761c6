"""A tenant's webhooks as a test meets them: endpoints, events, passes of a sender."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
from tests.conftest import Workplace

from placet.events import store as events
from placet.events.model import StreamId, StreamKind, new_event
from placet.kernel.clock import SystemClock
from placet.kernel.ids import Ids
from placet.storage.database import Database
from placet.storage.work import WorkDue
from placet.studio.requests.model import ApprovalRequestClosed, RequestId, RequestStatus
from placet.studio.snapshots.model import SnapshotId
from placet.webhooks.deliveries import service as deliveries
from placet.webhooks.deliveries.model import DeliveryAnswer, DeliveryStatus
from placet.webhooks.endpoints import service as endpoints
from placet.webhooks.endpoints.model import (
    SEND_WEBHOOKS,
    AddEndpoint,
    ChangeEndpoint,
    EndpointAnswer,
    EndpointStatus,
    WebhookType,
)
from placet.webhooks.endpoints.signing import SigningSecrets
from placet.webhooks.sending.call import Caller
from placet.webhooks.sending.drain import Sender
from placet.webhooks.sending.resolve import SystemResolver


class Post:
    """One tenant, whose endpoints stand on this machine."""

    def __init__(self, db: Database, ids: Ids, workplace: Workplace, admin_url: str) -> None:
        """Stand on a tenant, and on a secret key of the test's own."""
        self.db = db
        self.ids = ids
        self.founder = workplace.founder
        self.workplace = workplace
        self.secrets = SigningSecrets(ids.token(32))
        self._admin_url = admin_url

    async def endpoint(self, url: str, *types: WebhookType) -> EndpointAnswer:
        """Add an endpoint."""
        asked = AddEndpoint(url=url, name="tests", event_types=list(types))
        async with self.db.writing(self.founder) as tx:
            made = await endpoints.add_endpoint(tx, asked, self.ids, self.secrets, to_loopback=True)
        return made.endpoint

    async def change(self, endpoint: EndpointAnswer, to: EndpointStatus) -> None:
        """Disable or enable an endpoint."""
        asked = ChangeEndpoint(reason="a test")
        async with self.db.writing(self.founder) as tx:
            if to is EndpointStatus.ACTIVE:
                await deliveries.enable_endpoint(tx, endpoint.endpoint_id, asked, self.ids)
            else:
                await endpoints.change_status(tx, endpoint.endpoint_id, to, "a test", self.ids)

    async def happen(self, stream: UUID, count: int = 1) -> None:
        """Let something happen in a stream that is told outside."""
        said = ApprovalRequestClosed(
            request_id=RequestId(stream),
            snapshot_id=SnapshotId(stream),
            status=RequestStatus.WITHDRAWN,
        )
        bodies = [new_event(self.ids, said) for _ in range(count)]
        async with self.db.writing(self.founder) as tx:
            await events.append(tx, StreamId(stream), StreamKind.WORKSPACE, bodies)

    def sender(self, *, seconds_max: float = 20.0, db: Database | None = None) -> Sender:
        """Return a sender that may call this machine."""
        caller = Caller(SystemResolver(), to_loopback=True, seconds_max=seconds_max)
        return Sender(db or self.db, self.ids, SystemClock(), self.secrets, caller)

    async def drain(self, sender: Sender | None = None) -> None:
        """Let a sender make one pass."""
        await (sender or self.sender()).drain(self.founder.tenant_id)

    @asynccontextmanager
    async def failing_marks(self, endpoint: EndpointAnswer, times: int) -> AsyncIterator[None]:
        """Let the database refuse the first marks of an endpoint's deliveries."""
        name = f"fails_{endpoint.endpoint_id.hex}"
        connection = await asyncpg.connect(self._admin_url)
        await connection.execute(f"CREATE SEQUENCE public.{name}")
        await connection.execute(
            f"CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
            f" AS $$ BEGIN IF nextval('public.{name}') <= {times} THEN RAISE 'full';"
            " END IF; RETURN NEW; END $$"
        )
        await connection.execute(
            f"CREATE TRIGGER {name} BEFORE UPDATE ON placet.webhooks_delivery FOR EACH ROW"
            f" WHEN (NEW.endpoint_id = '{endpoint.endpoint_id}' AND NEW.claim_until IS NULL)"
            f" EXECUTE FUNCTION public.{name}()"
        )
        try:
            yield
        finally:
            await connection.execute(f"DROP FUNCTION public.{name}() CASCADE")
            await connection.execute(f"DROP SEQUENCE public.{name}")
            await connection.close()

    async def due(self) -> list[WorkDue]:
        """Return what says that a sender has to look after this tenant."""
        connection = await asyncpg.connect(self._admin_url)
        rows = await connection.fetch(
            "SELECT tenant_id, kind, ref, due_at FROM placet.work_due"
            " WHERE tenant_id = $1 AND kind = $2",
            self.founder.tenant_id,
            SEND_WEBHOOKS,
        )
        await connection.close()
        return [WorkDue(**dict(row)) for row in rows]

    async def rows(
        self, endpoint: EndpointAnswer, status: DeliveryStatus | None = None
    ) -> list[DeliveryAnswer]:
        """Return the deliveries of an endpoint, the oldest first."""
        async with self.db.reading(self.founder) as tx:
            found = await deliveries.list_deliveries(
                tx, endpoint.endpoint_id, status=status, after=None, limit=200
            )
        return found[::-1]

    async def statuses(self, endpoint: EndpointAnswer) -> list[str]:
        """Return the status of each delivery of an endpoint, the oldest first."""
        return [str(row.status) for row in await self.rows(endpoint)]

    async def let_time_pass(self, hours: float = 5) -> None:
        """Move everything that is dated in the tenant's outbox into the past."""
        connection = await asyncpg.connect(self._admin_url)
        await connection.execute(
            "UPDATE placet.webhooks_delivery SET next_at = next_at - make_interval(secs => $2),"
            " claim_until = claim_until - make_interval(secs => $2),"
            " first_tried_at = first_tried_at - make_interval(secs => $2),"
            " settled_at = settled_at - make_interval(secs => $2) WHERE tenant_id = $1",
            self.founder.tenant_id,
            hours * 3600,
        )
        await connection.close()
