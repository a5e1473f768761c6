"""Sending what waits for the endpoints of one tenant."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from placet.events import store as events
from placet.events.model import RecordedEvent
from placet.kernel.clock import Clock
from placet.kernel.ids import Ids, TenantId
from placet.kernel.value import Value
from placet.replay.sessions.policies import acting_for
from placet.storage.database import Database
from placet.webhooks.deliveries import rules, store
from placet.webhooks.deliveries.model import CLAIM_SECONDS, Outcome, WebhookDelivery
from placet.webhooks.deliveries.service import park_delivery
from placet.webhooks.endpoints import store as endpoint_store
from placet.webhooks.endpoints.model import WebhookEndpoint
from placet.webhooks.endpoints.signing import SigningSecrets
from placet.webhooks.sending.call import SECONDS_MAX, Caller
from placet.webhooks.sending.resolve import LookUpsFull
from placet.webhooks.sending.store import clear_turns, put_turn

AT_ONCE: Final = 8
"""How many calls to one endpoint run at once, each of another stream."""

PASS_SECONDS: Final = 5.0
"""After how long a pass begins no further call, so that other tenants get their turn."""

LOOK_SECONDS: Final = 0.5
"""How often a pass looks for what has come while its calls are under way."""

MARK_AGAIN_SECONDS: Final = (0.2, 1.0)
"""After which pauses a mark that failed is tried again, all within the claim."""

TAKEN_SECONDS: Final = 20
KEPT: Final = timedelta(days=30)
FORGOTTEN_MAX: Final = 1_000
PUT_OFF: Final = timedelta(seconds=2)
LOOK_AGAIN: Final = timedelta(seconds=30)
DATABASE_TURNS: Final = 2
_LOG: Final = logging.getLogger("placet.worker")


class Claimed(Value, frozen=True):
    """What is to be sent: the delivery, its endpoint as it is now, the event, and the time."""

    delivery: WebhookDelivery
    endpoint: WebhookEndpoint
    event: RecordedEvent
    at: datetime


class Sender:
    """Sends what is due; one for each process."""

    def __init__(  # noqa: PLR0913 -- what it stands on, and one setting
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        secrets: SigningSecrets,
        caller: Caller,
        *,
        kept: timedelta = KEPT,
    ) -> None:
        """Stand on the database, on chance, on the secrets and on the way out.

        Settled deliveries are deleted once they are older than `kept`.
        """
        self._kept = kept
        self._db = db
        self._ids = ids
        self._clock = clock
        self._secrets = secrets
        self._caller = caller
        # Requests of people and agents use the same connections; the outbox takes few of them.
        self._turns = asyncio.Semaphore(DATABASE_TURNS)

    async def drain(self, tenant: TenantId) -> None:
        """Send what is due for a tenant, and say when somebody has to look again.

        Answers for every piece of due work of the tenant. May run on several nodes at once, and be
        ended at any moment: what was sent and not marked is sent again.
        """
        endpoints = await self._endpoints(tenant)
        rounds = [self._send_all(endpoint) for endpoint in endpoints if self._can_sign(endpoint)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in rounds]
        is_cut_short = any(task.result() for task in tasks)
        await self._finish(tenant, endpoints, is_cut_short=is_cut_short)

    def _can_sign(self, endpoint: WebhookEndpoint) -> bool:
        return endpoint.secret_key_id == self._secrets.key_id

    async def _endpoints(self, tenant: TenantId) -> list[WebhookEndpoint]:
        async with self._turns, self._db.reading(acting_for(tenant)) as tx:
            return await endpoint_store.list_active(tx)

    async def _send_all(self, endpoint: WebhookEndpoint) -> bool:
        """Send as long as anything is due. Returns True if it ended before that."""
        running: set[asyncio.Task[None]] = set()
        until = self._clock.monotonic() + PASS_SECONDS
        async with asyncio.TaskGroup() as group:
            while self._clock.monotonic() < until:
                began = self._clock.monotonic()
                try:
                    claimed = await self._claim(endpoint, AT_ONCE - len(running))
                except Exception:  # noqa: BLE001 -- calls under way, and other endpoints, go on
                    _LOG.exception("nothing was claimed for endpoint %s", endpoint.endpoint_id)
                    return True
                for each in claimed:
                    running.add(group.create_task(self._send(each, began)))
                if not running:
                    return False
                # A call that hangs keeps its own stream waiting, and no other.
                _, running = await asyncio.wait(
                    running, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
        return True

    async def _claim(self, endpoint: WebhookEndpoint, limit: int) -> list[Claimed]:
        """Claim up to `limit`, with the endpoint as it stands in the same transaction."""
        if limit == 0:
            return []
        async with self._turns, self._db.writing(acting_for(endpoint.tenant_id)) as tx:
            active = await endpoint_store.list_active(tx)
            standing = [each for each in active if each.endpoint_id == endpoint.endpoint_id]
            if not standing:
                return []
            heads = await store.claim_heads(tx, endpoint.endpoint_id, limit)
            at = await tx.now()
            found = []
            for head in heads:
                (event,) = await events.list_events(tx, head.stream_id, after=head.seq - 1, limit=1)
                found.append(Claimed(delivery=head, endpoint=standing[0], event=event, at=at))
            return found

    async def _send(self, claimed: Claimed, began: float) -> None:
        if self._clock.monotonic() - began > CLAIM_SECONDS - 2 * SECONDS_MAX:
            return  # this process stood still: the claim may be somebody else's soon
        body = rules.encode(claimed.event)
        headers = self._secrets.headers(
            claimed.endpoint, claimed.delivery.event_id, claimed.at, body
        )
        try:
            outcome = await self._caller.call(
                claimed.endpoint.url, headers, body, claimed.endpoint.tenant_id
            )
            await self._mark_at_last(claimed.delivery, outcome)
        except LookUpsFull:
            await self._put_off(claimed.delivery)
        except Exception:  # noqa: BLE001 -- every other call under way goes on; the claim runs out
            _LOG.exception("what came of delivery %s was not marked", claimed.delivery.event_id)

    async def _put_off(self, delivery: WebhookDelivery) -> None:
        """Give a claim back under which nothing was tried."""
        try:
            async with self._turns, self._db.writing(acting_for(delivery.tenant_id)) as tx:
                await store.put_off(tx, delivery, await tx.now() + PUT_OFF)
        except Exception:  # noqa: BLE001 -- the claim runs out by itself
            _LOG.exception("delivery %s was not put off", delivery.event_id)

    async def _mark_at_last(self, delivery: WebhookDelivery, outcome: Outcome) -> None:
        """Mark what came of a call, and try again if that fails: each time costs a second call."""
        for pause in MARK_AGAIN_SECONDS:
            try:
                return await self._mark(delivery, outcome)
            except Exception:  # noqa: BLE001 -- whatever it is, the claim still stands
                _LOG.warning("delivery %s is marked again", delivery.event_id, exc_info=True)
            await asyncio.sleep(pause)
        return await self._mark(delivery, outcome)

    async def _mark(self, delivery: WebhookDelivery, outcome: Outcome) -> None:
        is_parked = False
        async with self._turns, self._db.writing(acting_for(delivery.tenant_id)) as tx:
            if rules.is_delivered(outcome):
                counts = await store.advance_to_delivered(tx, delivery, outcome)
            else:
                jitter = self._ids.token(rules.JITTER_BYTES)
                next_at = rules.decide_next(delivery, await tx.now(), jitter)
                if next_at is None:
                    counts = is_parked = await park_delivery(tx, delivery, outcome, self._ids)
                else:
                    counts = await store.advance_after_fault(tx, delivery, outcome, next_at)
        if is_parked:
            _LOG.warning(
                "delivery %s to webhook endpoint %s is parked after %d tries: %s %s",
                delivery.event_id,
                delivery.endpoint_id,
                delivery.attempts,
                outcome.fault,
                outcome.status or "",
            )
        if not counts:
            _LOG.warning("the claim on delivery %s had run out when it ended", delivery.event_id)

    async def _finish(
        self, tenant: TenantId, endpoints: Sequence[WebhookEndpoint], *, is_cut_short: bool
    ) -> None:
        """Answer for everything that woke somebody, and ask for the next look."""
        mine = [each.endpoint_id for each in endpoints if self._can_sign(each)]
        foreign = [each.endpoint_id for each in endpoints if not self._can_sign(each)]
        async with self._turns, self._db.writing(acting_for(tenant)) as tx:
            await clear_turns(tx)
            # Race: an event may have seen an endpoint that was being removed.
            await store.drop_removed(tx)
            now = await tx.now()
            dates = [
                now if is_cut_short else await store.find_next(tx, mine),
                await store.forget_settled(tx, self._kept, FORGOTTEN_MAX),
            ]
            waits = await store.find_next(tx, foreign)
            if waits is not None:
                _LOG.warning("tenant %s has webhooks under another key than this service", tenant)
                dates.append(max(waits, now + LOOK_AGAIN))
            ahead = [date for date in dates if date is not None]
            if ahead:
                await put_turn(tx, min(ahead))
