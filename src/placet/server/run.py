"""Serving the application with uvicorn, for as long as the process is asked to."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Sequence
from typing import Final

import uvicorn
from litestar import Litestar

from placet.plans.lookups.service import PlanWaits
from placet.replay.asks.waiting import AskWaits
from placet.replay.watching.service import SessionWatches
from placet.server import logs
from placet.server.app import Loop, create_app
from placet.server.connections import GuardedConnection
from placet.server.limits import GRACE_SECONDS, IDLE_SECONDS
from placet.settings import Settings
from placet.storage import checks, migrations
from placet.storage.unusable import Unsuitable, Unusable

BACKLOG: Final = 512


class PortTaken(Unusable):
    """Nothing can be listened to at that address."""


class Service(uvicorn.Server):
    """uvicorn's server with the application's life inside its own.

    The application is opened before the first request and closed after the last answer, in this
    order also when a signal ends the process; a fault while opening is raised as it is.
    """

    def __init__(
        self, config: uvicorn.Config, app: Litestar, on_ready: Callable[[], None] | None = None
    ) -> None:
        """Serve `app`, and call `on_ready` once requests are taken."""
        super().__init__(config)
        self._life = contextlib.AsyncExitStack()
        self._application = app
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the application, then listen."""
        try:
            await self._life.enter_async_context(self._application.lifespan())
        except ExceptionGroup as group:
            raise _alone(group) from group
        try:
            await super().startup(sockets)
        except BaseException:
            await self._life.aclose()
            raise
        if self._on_ready is not None:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what was asked, first those who wait or follow, then close the application."""
        self._application.state[PlanWaits.__name__].end()
        self._application.state[AskWaits.__name__].end()
        self._application.state[SessionWatches.__name__].end()
        try:
            await super().shutdown(sockets)
        finally:
            await self._life.aclose()


def serve(
    settings: Settings,
    on_ready: Callable[[str], None] | None = None,
    *,
    loops: Sequence[Loop] = (),
) -> None:
    """Check the database, listen, and answer until a signal comes. Blocking.

    `settings.database_url` is the application's role; `on_ready` is given the service's address
    when requests are taken; `loops` run beside the requests. Raises `Unusable` with its remedy
    when the database is not fit to be worked on or the port is taken.
    """
    url = settings.database_url
    if url is None:
        raise Unsuitable(
            detail="no database is named",
            remedy="set PLACET_DATABASE_URL, or let `placet up` start one",
        )
    logs.configure(settings)
    asyncio.run(check(url))
    with listen(settings.host, settings.port) as listener:
        app = create_app(settings, url, loops=loops)
        place = _address(settings.host, listener)
        ready = None if on_ready is None else lambda: on_ready(place)
        Service(config_for(app), app, ready).run(sockets=[listener])


def config_for(app: Litestar) -> uvicorn.Config:
    """Return how uvicorn serves the application."""
    return uvicorn.Config(
        app,
        http=GuardedConnection,
        ws="none",
        loop="uvloop",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


async def check(database_url: str) -> None:
    """Raise `Unusable` for the first thing that makes the database unfit."""
    checks.refuse_failed(await checks.look(database_url, migrations.head()))


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to the address. `port` 0 takes any free one.

    Raises `PortTaken` with the reason in one sentence.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, proto)
    except OSError as fault:
        raise PortTaken(
            detail=f"`{host}` is no address of this machine: {fault.strerror}",
            remedy="give another with --host",
        ) from fault
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as fault:
        listener.close()
        raise _unbound(host, port, fault) from fault
    return listener


def _alone(fault: Exception) -> Exception:
    """Return the one fault of a group: the framework opens the application in groups of tasks."""
    while isinstance(fault, ExceptionGroup) and len(fault.exceptions) == 1:
        (fault,) = fault.exceptions
    return fault


def _unbound(host: str, port: int, fault: OSError) -> PortTaken:
    if fault.errno == errno.EADDRINUSE:
        return PortTaken(
            detail=f"something listens on port {port} of {host} already",
            remedy="give another port with --port, or stop what listens there",
        )
    return PortTaken(
        detail=f"port {port} of {host} cannot be listened to: {fault.strerror}",
        remedy="give another with --host and --port",
    )


def _address(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
