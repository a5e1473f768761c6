"""A volume that does not answer."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hanging(path: Path) -> Iterator[None]:
    """Have reading a file wait for ever, as on a volume that does not answer."""
    kept = path.read_bytes()
    path.unlink()
    os.mkfifo(path)
    try:
        yield
    finally:
        path.rename(path.with_suffix(".hung"))
        path.write_bytes(kept)
        # Whoever still waits for it comes to its end.
        os.close(os.open(path.with_suffix(".hung"), os.O_RDWR | os.O_NONBLOCK))
