"""What operators measure. No label ever names a tenant, an actor, an agent or a path as it came."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
UNMATCHED: Final = "unmatched"
"""The route of a request that met none."""

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Metrics:
    """The measures of one application, in a registry of its own."""

    def __init__(self) -> None:
        """Start at zero."""
        self.registry = CollectorRegistry()
        self._answered = Counter(
            "placet_http_requests",
            "Requests answered, by method, route template and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "placet_http_request_seconds",
            "Seconds from a request's headers to the end of its answer, by route template.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._running = Gauge(
            "placet_http_requests_running", "Requests being answered now.", registry=self.registry
        )
        self._found: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def begin(self) -> None:
        """Count a request in."""
        self._running.inc()

    def end(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request out. `route` is the template, never the path."""
        self._running.dec()
        known = method if method in _METHODS else "other"
        place = (known, route, status)
        found = self._found.get(place)
        if found is None:
            # As many as there are routes and statuses; looking one up costs more than counting it.
            found = self._answered.labels(known, route, str(status)), self._seconds.labels(route)
            self._found[place] = found
        found[0].inc()
        found[1].observe(seconds)

    def text(self) -> bytes:
        """Return every measure in Prometheus' text form."""
        return generate_latest(self.registry)
