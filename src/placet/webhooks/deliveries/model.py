"""A delivery, what is told of it, and what an operator may do about it."""

import dataclasses
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from placet.events.model import StreamId
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Conflict, NotFound
from placet.kernel.value import Input, Value
from placet.webhooks.endpoints.model import EndpointId, Reason, WebhookType

CLAIM_SECONDS: Final = 30
"""How long a claim lasts: several times what sending may take."""

TRIED_FOR: Final = timedelta(hours=24)
DELAY_SECONDS_FIRST: Final = 5
DELAY_SECONDS_MAX: Final = 4 * 3_600
DELAY_GROWTH: Final = 3


class DeliveryStatus(StrEnum):
    """What became of a delivery."""

    DUE = "due"
    DELIVERED = "delivered"
    DEAD = "dead"
    SKIPPED = "skipped"
    DROPPED = "dropped"


class SendFault(StrEnum):
    """Why a call did not count as delivered."""

    STATUS = "status"
    TIMEOUT = "timeout"
    NAME_UNKNOWN = "name_unknown"
    ADDRESS_NOT_PUBLIC = "address_not_public"
    NOT_CONNECTED = "not_connected"
    TLS = "tls"
    PROTOCOL = "protocol"


class WebhookDelivery(Value, frozen=True):
    """One event for one endpoint. `seq` is its place in the stream, which is kept in order."""

    tenant_id: TenantId
    endpoint_id: EndpointId
    event_id: UUID
    stream_id: StreamId
    seq: int
    event_type: WebhookType
    occurred_at: datetime
    status: DeliveryStatus
    attempts: int
    first_tried_at: datetime | None
    next_at: datetime
    claim_number: int
    claim_until: datetime | None
    last_status: int | None
    last_fault: SendFault | None
    settled_at: datetime | None


class Outcome(Value, frozen=True):
    """What came of one call: the receiver's status where there was one, the fault where not."""

    status: int | None = None
    fault: SendFault | None = None


class Told(Value, frozen=True):
    """The body of a call: an event, and its body as it stands in the event store."""

    type: str
    timestamp: datetime
    tenant_id: TenantId
    stream_id: StreamId
    seq: int
    event_id: UUID
    actor_id: ActorId
    data: msgspec.Raw | None


class DeliveryAnswer(Value, frozen=True):
    """A delivery as it is shown. `waits_for` is the parked one of its stream that holds it up."""

    endpoint_id: EndpointId
    event_id: UUID
    stream_id: StreamId
    seq: int
    event_type: WebhookType
    occurred_at: datetime
    status: DeliveryStatus
    attempts: int
    first_tried_at: datetime | None
    next_at: datetime
    last_status: int | None
    last_fault: SendFault | None
    settled_at: datetime | None
    waits_for: UUID | None


class DecideDelivery(Input, frozen=True):
    """Release or skip a parked delivery, and say why."""

    reason: Reason


class WebhookDeliveryNotFound(NotFound):
    """There is no such webhook delivery here."""


@dataclasses.dataclass(kw_only=True, eq=False)
class WebhookDeliveryNotParked(Conflict):
    """The delivery is not parked."""

    hint = "only what is `dead` can be released or skipped"
    delivery_status: DeliveryStatus


class WebhookDeliveryParked(Value, frozen=True):
    """Event: a delivery was given up after 24 hours, and parks its stream for that endpoint."""

    endpoint_id: EndpointId
    event_id: UUID
    event_type: WebhookType
    attempts: int
    last_status: int | None
    last_fault: SendFault | None


class WebhookDeliveryReleased(Value, frozen=True):
    """Event: a parked delivery is tried again."""

    endpoint_id: EndpointId
    event_id: UUID
    reason: str


class WebhookDeliverySkipped(Value, frozen=True):
    """Event: an endpoint is never told of that event, and gets what comes after it."""

    endpoint_id: EndpointId
    event_id: UUID
    event_type: WebhookType
    reason: str
