"""How fast one key may ask: evenly, with as much at once as one second allows.

Each process counts for itself, by the whole key that was sent, so that nobody can use up the share
of a key whose secret they do not know. Nothing here decides on anything: who is over the
rate is told when to come back, and what is urgent is never counted.
"""

import hashlib
from typing import Final

KEYS_MAX: Final = 10_000
BURST_SECONDS: Final = 1.0


class Rates:
    """When each key may ask next, by the clock of this process."""

    def __init__(self, per_second: int) -> None:
        """Allow so many requests a second; 0 allows any number."""
        self._each = 1 / per_second if per_second else 0.0
        self._next: dict[bytes, float] = {}

    def wait(self, key: bytes, now: float) -> float:
        """Count a request, or return in how many seconds it may be sent again; 0 lets it pass."""
        if not self._each or not key:
            return 0.0
        who = hashlib.sha256(key).digest()
        at = max(self._next.get(who, 0.0), now)
        if at - now > BURST_SECONDS:
            return at - now - BURST_SECONDS
        if who not in self._next and len(self._next) >= KEYS_MAX:
            self._forget(now)
        self._next[who] = at + self._each
        return 0.0

    def _forget(self, now: float) -> None:
        """Forget whoever has nothing on account; if that is nobody, everybody."""
        self._next = {who: at for who, at in self._next.items() if at > now}
        if len(self._next) >= KEYS_MAX:
            self._next.clear()
