"""What Prometheus scrapes: counts and times by route template, never by address, id or content.

Not Litestar's plugin: it lies inside the routing, so refused and unknown addresses would not be counted, and it keeps
its metrics in one registry for the whole process.
"""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# From an answer out of memory (.1 ms) to a pool that waits its ten seconds.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Metrics:
    """The measures of one service."""

    def __init__(self) -> None:
        disable_created_metrics()  # a second sample for each one, of when it was first seen
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "motif_http_requests", "Requests answered.", ("route", "method", "status"), registry=self.registry
        )
        self._request_seconds = Histogram(
            "motif_http_request_seconds",
            "Time from a request to the end of its answer.",
            ("route", "method"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._stage_seconds = Histogram(
            "motif_match_stage_seconds",
            "Time of a match by stage.",
            ("stage",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._jobs = Gauge("motif_jobs", "Jobs by state.", ("state",), registry=self.registry)
        self._budgets = Gauge(
            "motif_budget_usd",
            "The installation's budgets: limit, settled and held, in this day and month.",
            ("budget", "period", "part"),
            registry=self.registry,
        )

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request; `route` is its template, `method` one of the known ones."""
        self._requests.labels(route, method, str(status)).inc()
        self._request_seconds.labels(route, method).observe(seconds)

    def match(self, stage_ms: Mapping[str, float]) -> None:
        """Add one match's times, in milliseconds by stage."""
        for stage, milliseconds in stage_ms.items():
            self._stage_seconds.labels(stage).observe(milliseconds / 1000)

    def jobs(self, by_state: Mapping[str, int]) -> None:
        """Replace the numbers of jobs; states that are gone are forgotten."""
        self._jobs.clear()
        for state, number in by_state.items():
            self._jobs.labels(state).set(number)

    def budgets(self, amounts: Mapping[tuple[str, str, str], float]) -> None:
        """Replace the dollars by budget, period and part; no budget of a project, of which there may be many."""
        self._budgets.clear()
        for labels, usd in amounts.items():
            self._budgets.labels(*labels).set(usd)

    def render(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)
