"""Whether the process lives, whether it can work, and what it measures."""

import asyncio
from typing import Final, Literal

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from placet.kernel.refusals import GovernanceUnavailable
from placet.kernel.value import Value
from placet.server import metrics
from placet.storage import checks
from placet.storage.faults import translated
from placet.storage.unusable import Unusable
from placet.tenancy.entry import AppRequest, RouteOpt, answer, kept_of

RETRY_AFTER_SECONDS: Final = 5
LOOK_SECONDS: Final = 3.0


class Health(Value, frozen=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness:
    """The question whether the database can be worked on, asked anew each time."""

    def __init__(self, database_url: str, head: str) -> None:
        """Ask the database at this address, and expect this schema revision."""
        self._url = database_url
        self._head = head

    async def check(self) -> None:
        """Refuse `governance_unavailable` with the names of what is wrong, and nothing more."""
        try:
            with translated():
                async with asyncio.timeout(LOOK_SECONDS):
                    found = await checks.look(self._url, self._head)
        except (Unusable, GovernanceUnavailable) as fault:
            raise GovernanceUnavailable(
                detail="the database cannot be reached", retry_after_seconds=RETRY_AFTER_SECONDS
            ) from fault
        failed = [check.name for check in found if check.status is checks.Status.FAIL]
        if failed:
            raise GovernanceUnavailable(
                detail=f"not ready: {', '.join(failed)}", retry_after_seconds=RETRY_AFTER_SECONDS
            )


@get("/healthz", opt=RouteOpt(public=True, answer=Health))
async def get_health() -> Response[bytes]:
    """Say that the process lives; the database is not asked."""
    return answer(Health())


@get("/readyz", opt=RouteOpt(public=True, answer=Health))
async def get_readiness(request: AppRequest) -> Response[bytes]:
    """Say whether the database can be reached, is of this version's schema, and safe to use."""
    await kept_of(request, Readiness).check()
    return answer(Health())


@get("/metrics", opt=RouteOpt(public=True, media=metrics.MEDIA_TYPE))
async def get_metrics(request: AppRequest) -> Response[bytes]:
    """Return the measures in Prometheus' text form."""
    measured = kept_of(request, metrics.Metrics).text()
    return Response(content=measured, media_type=metrics.MEDIA_TYPE)


HANDLERS: Final[list[HTTPRouteHandler]] = [get_health, get_readiness, get_metrics]
