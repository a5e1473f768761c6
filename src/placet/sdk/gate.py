"""The one moment at which a tool is begun, or given up before it was."""

import threading


class Gate:
    """Passed once, or shut. A thread may ask for a tool that somebody else has just given up."""

    def __init__(self) -> None:
        """Stand open, with nothing begun."""
        self._lock = threading.Lock()
        self._is_begun = False
        self._is_shut = False

    def __repr__(self) -> str:
        """Show how it stands."""
        return f"Gate({'begun' if self._is_begun else 'shut' if self._is_shut else 'open'})"

    def begin(self) -> bool:
        """Return whether the tool may be begun; if so, it counts as begun from now on."""
        with self._lock:
            self._is_begun = not self._is_shut
            return self._is_begun

    def shut(self) -> bool:
        """Return whether the tool was not begun; if so, it never will be."""
        with self._lock:
            self._is_shut = not self._is_begun
            return self._is_shut
