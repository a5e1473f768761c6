"""The application, put together."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from litestar import Litestar

from placet.kernel.clock import Clock, SystemClock
from placet.kernel.ids import Ids, SystemIds
from placet.server import auth, failpoints, problems, state
from placet.server.edge import Edge
from placet.server.health import Readiness
from placet.server.limits import BODY_BYTES_MAX
from placet.server.metrics import Metrics
from placet.server.rates import Rates
from placet.server.routes import ROUTERS
from placet.server.unchanged import Unchanged
from placet.settings import Settings
from placet.storage import migrations

Loop: TypeAlias = Callable[[Mapping[str, object]], Coroutine[Any, Any, None]]
"""Work beside the requests, given what the application keeps. It runs until it is cancelled."""


def create_app(  # noqa: PLR0913 -- all but the first two are what a test puts in place of the world
    settings: Settings,
    database_url: str,
    *,
    keys_folder: Path | None = None,
    ids: Ids | None = None,
    clock: Clock | None = None,
    loops: Sequence[Loop] = (),
) -> Litestar:
    """Return the application over a database that is up to date.

    `database_url` is the application's role. `keys_folder` holds the service's signing keys, by
    default `keys` in the data folder. Nothing is opened before the application starts.
    """
    ids, clock, metrics = ids or SystemIds(), clock or SystemClock(), Metrics()
    points = failpoints.named(os.environ)
    folder = keys_folder or settings.data_dir / "keys"

    @contextlib.asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with state.opened(
            settings, database_url, keys_folder=folder, ids=ids, clock=clock, points=points
        ) as kept:
            app.state.update(kept)
            app.state[Metrics.__name__] = metrics
            app.state[Readiness.__name__] = Readiness(database_url, migrations.head())
            async with _running(loops, kept):
                yield

    app = Litestar(
        route_handlers=[handler for handlers in ROUTERS for handler in handlers],
        guards=[auth.guard],
        exception_handlers=problems.HANDLERS,
        lifespan=[lifespan],
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    inner = failpoints.application_with(points, Unchanged(app.asgi_handler, app.state))
    rates = Rates(settings.key_rate_per_second)
    app.asgi_handler = Edge(inner, ids=ids, clock=clock, metrics=metrics, rates=rates)
    return app


@contextlib.asynccontextmanager
async def _running(loops: Sequence[Loop], kept: Mapping[str, object]) -> AsyncIterator[None]:
    """Run the loops beside the block, and end them with it."""
    tasks = [asyncio.create_task(loop(kept)) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
