"""Starting the server again when it was killed under a holder that goes on."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from placet.storage.embedded.cluster import Cluster, Origin
from placet.storage.unusable import Unusable

EVERY_SECONDS: Final = 0.25
_LOG: Final = logging.getLogger(__name__)


@contextmanager
def kept_alive(cluster: Cluster, every_seconds: float = EVERY_SECONDS) -> Iterator[None]:
    """Look after the server for as long as the block lasts, from a thread of its own.

    Connections that were open are lost, and pools open new ones at the same address. Several
    holders may watch one server: only one of them starts it.
    """
    done = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(cluster, done, every_seconds), name="postgres-watch", daemon=True
    )
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(cluster: Cluster, done: threading.Event, every_seconds: float) -> None:
    while not done.wait(every_seconds):
        if cluster.is_running():
            continue
        try:
            if cluster.revive() is Origin.STARTED:
                _LOG.warning("Postgres had ended and was started again (process %s)", cluster.pid)
        except Unusable as fault:
            _LOG.error("Postgres has ended and does not start: %s", fault)
