"""A real service on a free port, in a thread of this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from placet.server.app import create_app
from placet.server.run import Service, config_for, listen
from placet.settings import Settings

SECONDS_MAX: Final = 60


@contextmanager
def serving(database_url: str, folder: Path) -> Iterator[int]:
    """Serve for as long as the block lasts, and yield the port."""
    app = create_app(Settings(data_dir=folder), database_url)
    listener = listen("127.0.0.1", 0)
    ready = threading.Event()
    service = Service(config_for(app), app, ready.set)
    thread = threading.Thread(target=service.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        assert ready.wait(SECONDS_MAX)
        yield listener.getsockname()[1]
    finally:
        service.should_exit = True
        thread.join(SECONDS_MAX)
    assert not thread.is_alive()
