"""An endpoint, what a client may set of it, and what is said about it."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, NewType
from uuid import UUID

import msgspec

from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Conflict, Invalid, NotFound
from placet.kernel.value import Input, Value

EndpointId = NewType("EndpointId", UUID)

SEND_WEBHOOKS: Final = "send_webhooks"
"""The kind of work that is due when something waits for an endpoint of a tenant."""

ENDPOINTS_MAX: Final = 20
URL_MAX: Final = 2_000
NAME_MAX: Final = 200
REASON_MAX: Final = 1_000
OVERLAP_SECONDS_MAX: Final = 7 * 86_400
OVERLAP_SECONDS_DEFAULT: Final = 86_400

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX, pattern=r"\S")]


class WebhookType(StrEnum):
    """The types of events that are told outside, as they stand in the event store."""

    APPROVAL_REQUESTED = "ApprovalRequested"
    VOTE_CAST = "VoteCast"
    APPROVAL_GRANTED = "ApprovalGranted"
    APPROVAL_REQUEST_CLOSED = "ApprovalRequestClosed"
    APPROVAL_REVOKED = "ApprovalRevoked"
    APPROVAL_EXPIRED = "ApprovalExpired"
    APPROVAL_EXPIRING = "ApprovalExpiring"
    DRIFT_OPENED = "DriftOpened"
    SESSION_STOPPED = "SessionStopped"
    CONTROL_SET = "ControlSet"
    CONTROL_LIFT_ASKED = "ControlLiftAsked"
    CONTROL_LIFTED = "ControlLifted"
    ASK_OPENED = "AskOpened"
    CHECKPOINT_SIGNED = "CheckpointSigned"


class EndpointStatus(StrEnum):
    """Whether an endpoint is told anything."""

    ACTIVE = "active"
    DISABLED = "disabled"
    REMOVED = "removed"


class WebhookEndpoint(Value, frozen=True):
    """An address of a tenant. No `event_types` stands for every type, later ones too.

    `secret_number` counts the secrets; the one before signs as well until `previous_until`. The key
    ids name the files that they are derived from.
    """

    tenant_id: TenantId
    endpoint_id: EndpointId
    name: str
    url: str
    event_types: list[WebhookType]
    status: EndpointStatus
    secret_number: int
    secret_key_id: str
    previous_key_id: str | None
    previous_until: datetime | None
    created_by: ActorId
    created_at: datetime


class AddEndpoint(Input, frozen=True):
    """Name an address that is to be told. Without `event_types`, of every type."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=URL_MAX)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_MAX, pattern=r"\S")]
    event_types: Annotated[list[WebhookType], msgspec.Meta(max_length=len(WebhookType))] = (
        msgspec.field(default_factory=list)
    )


class RotateSecret(Input, frozen=True):
    """Ask for a new secret. The old one signs beside it for `overlap_seconds`; 0 ends it now."""

    overlap_seconds: Annotated[int, msgspec.Meta(ge=0, le=OVERLAP_SECONDS_MAX)] = (
        OVERLAP_SECONDS_DEFAULT
    )


class ChangeEndpoint(Input, frozen=True):
    """Disable, enable or remove an endpoint, and say why."""

    reason: Reason


class EndpointAnswer(Value, frozen=True):
    """An endpoint as it is shown, without any secret."""

    endpoint_id: EndpointId
    name: str
    url: str
    event_types: list[WebhookType]
    status: EndpointStatus
    secret_number: int
    previous_until: datetime | None
    created_by: ActorId
    created_at: datetime


class EndpointWithSecret(Value, frozen=True):
    """An endpoint with its new secret, shown this once; null when the answer is a repeated one."""

    endpoint: EndpointAnswer
    secret: str | None


class UrlFlaw(StrEnum):
    """Why an address may never be called."""

    NOT_A_URL = "not_a_url"
    SCHEME = "scheme"
    USER = "user"
    FRAGMENT = "fragment"
    HOST = "host"
    PORT = "port"
    ADDRESS = "address"


class UrlReason(Value, frozen=True):
    """One thing that stands against an address."""

    code: UrlFlaw
    detail: str


@dataclasses.dataclass(kw_only=True, eq=False)
class WebhookUrlRefused(Invalid):
    """That address is none that may be called."""

    hint = "give an `https` address with a public name, on port 443 or one from 1024 up"
    reasons: list[UrlReason]


class WebhookEndpointsFull(Conflict):
    """The tenant has as many endpoints as it may have."""

    hint = "remove one that is not needed any more"


class WebhookEndpointMoved(Conflict):
    """The endpoint was changed by somebody else at the same time."""

    hint = "look at the endpoint again, and rotate its secret if that is still wanted"


class WebhookEndpointNotFound(NotFound):
    """There is no such webhook endpoint here."""


class WebhookEndpointAdded(Value, frozen=True):
    """Event: an address is told of events from here on."""

    endpoint_id: EndpointId
    name: str
    url: str
    event_types: list[WebhookType]


class WebhookSecretRotated(Value, frozen=True):
    """Event: an endpoint has a new secret; the one before signs beside it until that time."""

    endpoint_id: EndpointId
    secret_number: int
    previous_until: datetime


class WebhookEndpointChanged(Value, frozen=True):
    """Event: an endpoint was disabled, enabled or removed."""

    endpoint_id: EndpointId
    status: EndpointStatus
    reason: str
