"""What is counted at the end, and from where. No figure is known before.

From the evidence that the service exports for this run's tenant, once the verifier has found it in
order: `allowed`, calls with a grant; `blocked`, calls without one; `committed`, calls whose effect
was taken over; `unknown_settled`, calls that became unknown and that an operator settled without a
receipt; `events`, the sum of the heads of all streams.

From the orders: `orders_refunded`.

`refused_stale_writes` is the sum of two counts of writers with an old fence: refunds that the
orders refused, which noted each, and grants that the service would not redeem. A refused request
leaves nothing in the service but its measures, so the latter is the rise of its own counter of
`start` requests answered by 409 while the overtaken worker ran, and never more than that worker was
told: another client of the same service is not counted in.
"""

import io
from collections.abc import Iterator
from typing import Final, TypeVar
from uuid import UUID

import httpx
import msgspec

from placet.cli.demo.shop import Shop
from placet.evidence.bundle import BundleHeader, EventLine, Line
from placet.evidence.verify import BundleReport, verify_bundle
from placet.kernel.refusals import GovernanceUnavailable
from placet.kernel.value import Value
from placet.replay.calls.events import CallBecameUnknown, CallProposed, CallSettled
from placet.replay.calls.model import CallStatus, CommitState

_START: Final = "/calls/{call_id}/start"
_REFUSED: Final = 'status="409"'
_ASK_SECONDS: Final = 10.0
_LINE: Final = msgspec.json.Decoder(Line)
_HEADER: Final = msgspec.json.Decoder(BundleHeader)


class Figures(Value, frozen=True):
    """What the story comes to."""

    allowed: int
    blocked: int
    committed: int
    refused_stale_writes: int
    unknown_settled: int
    events: int
    chain_verified: bool
    orders_refunded: int
    seconds: float


def verify(bundle: bytes) -> BundleReport:
    """Return what the standalone verifier finds in an export."""
    return verify_bundle(io.BytesIO(bundle))


def count(
    bundle: bytes, shop: Shop, *, is_verified: bool, stale_starts_refused: int, seconds: float
) -> Figures:
    """Return the figures of an export and of the orders."""
    header, *rest = bundle.splitlines()
    proposed: list[CallProposed] = []
    unknown: set[UUID] = set()
    committed = by_operator = 0
    for line in _events(rest):
        if line.type == CallProposed.__name__:
            proposed.append(_body(line, CallProposed))
        elif line.type == CallBecameUnknown.__name__:
            unknown.add(_body(line, CallBecameUnknown).call_id)
        elif line.type == CallSettled.__name__:
            settled = _body(line, CallSettled)
            committed += settled.commit_state is CommitState.COMMITTED
            by_operator += settled.call_id in unknown and settled.receipt_id is None
    return Figures(
        allowed=sum(call.status is CallStatus.GRANTED for call in proposed),
        blocked=sum(call.status is CallStatus.BLOCKED for call in proposed),
        committed=committed,
        refused_stale_writes=shop.refused_writes() + stale_starts_refused,
        unknown_settled=by_operator,
        events=sum(stream.head_seq for stream in _HEADER.decode(header).streams),
        chain_verified=is_verified,
        orders_refunded=shop.orders_refunded(),
        seconds=round(seconds, 1),
    )


async def stale_starts(url: str) -> int:
    """Return how many requests to redeem a grant the service has answered by 409 since it began.

    Refuses `governance_unavailable` where it does not answer.
    """
    try:
        async with httpx.AsyncClient(base_url=url, timeout=_ASK_SECONDS) as client:
            answer = await client.get("/metrics")
        answer.raise_for_status()
    except httpx.HTTPError as fault:
        raise GovernanceUnavailable(detail=f"{url}/metrics does not answer: {fault}") from fault
    counters = (
        line.rsplit(" ", 1)
        for line in answer.text.splitlines()
        if line.startswith("placet_http_requests_total{") and _START in line and _REFUSED in line
    )
    return sum(int(float(value)) for _, value in counters)


def _events(lines: list[bytes]) -> Iterator[EventLine]:
    for text in lines:
        line = _LINE.decode(text)
        if isinstance(line, EventLine):
            yield line


T = TypeVar("T", bound=Value)


def _body(line: EventLine, into: type[T]) -> T:
    return msgspec.json.decode(line.body or b"", type=into)
