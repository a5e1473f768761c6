"""The service that the story is played on: the one of the data folder, or one that is started."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from placet.cli import service
from placet.cli.exits import CommandRefused, Exit
from placet.cli.service import Running
from placet.cli.up import READY_SECONDS, start_detached
from placet.kernel.clock import SystemClock
from placet.settings import Settings

_POLL_SECONDS: Final = 0.05
_PROXIES: Final = ("no_proxy", "NO_PROXY")


@contextlib.contextmanager
def serving(settings: Settings, *, keep: bool) -> Iterator[tuple[Running, bool]]:
    """Yield the service of the data folder, and whether it was started here.

    One that was started here is stopped when the block fails, or unless `keep`; one that ran
    before is never stopped. Refuses what `placet up` refuses.
    """
    running = _found(settings)
    if running is not None:
        _reach_without_proxy(settings)
        yield running, False
        return
    running = start_detached(with_free_port(settings))
    keeps = False
    try:
        _reach_without_proxy(settings)
        yield running, True
        keeps = keep
    finally:
        if not keeps:
            with _answering_signals(signal.SIG_IGN):
                service.end(settings.data_dir, running)


@contextlib.contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP interrupt the block as Ctrl-C does."""

    def leave(*_: object) -> None:
        raise KeyboardInterrupt

    with _answering_signals(leave, signal.SIGTERM, signal.SIGHUP):
        yield


def with_free_port(settings: Settings) -> Settings:
    """Return the settings with a free port where nobody chose one and the usual one is taken."""
    if "port" in settings.sources:
        return settings
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError:
        return msgspec.structs.replace(settings, port=0)
    return settings


def _found(settings: Settings) -> Running | None:
    """Return the service of the folder, once it is ready, or none."""
    clock = SystemClock()
    end = clock.monotonic() + READY_SECONDS
    while clock.monotonic() < end:
        running = service.find(settings.data_dir)
        if running is None or running.address:
            return running
        time.sleep(_POLL_SECONDS)
    raise CommandRefused(
        detail=f"a service of `{settings.data_dir}` has been starting for {READY_SECONDS:.0f} s",
        remedy="look after it with `placet doctor`, or end it with `placet down`",
        code=Exit.INFRASTRUCTURE,
    )


def _reach_without_proxy(settings: Settings) -> None:
    """Let no proxy of the environment come between us, our workers and this machine's service."""
    for name in _PROXIES:
        known = [part for part in os.environ.get(name, "").split(",") if part]
        os.environ[name] = ",".join(dict.fromkeys([*known, settings.host, "127.0.0.1"]))


@contextlib.contextmanager
def _answering_signals(
    handler: Callable[..., None] | signal.Handlers,
    *numbers: signal.Signals,
) -> Iterator[None]:
    """Answer signals by a handler until the end of the block; all that end a process, if none."""
    ending = numbers or (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in ending}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
