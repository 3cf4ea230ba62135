"""The figures on /metrics, in the order of a webhook's way: hooks, backlog, forge, models, reviews, effects, waits."""

import re

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# How many different values may one label have? Each costs memory for as long as the process lives.
VALUES_PER_LABEL = 100
OTHER = "other"
# Numbers, hashes and ids in a path say which one, not which route.
_IDENTIFIER = re.compile(r"/(\d+|[0-9a-fA-F]{7,64}|[0-9A-HJKMNP-TV-Z]{26})(?=/|$)")

FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SLOW = (0.5, 1, 2, 5, 10, 20, 40, 60, 120, 300, 600, 1800)


class Metrics:
    """One per process, handed to whoever has something to count."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._seen: dict[str, set[str]] = {}
        self._hooks = self._counter("hooks", "Deliveries at the door, by the answer they got.", "connection", "status")
        self._hook_seconds = self._histogram("hook_seconds", "From the first byte of a delivery to its answer.", FAST)
        self._old_secret = self._counter("hooks_old_secret", "Deliveries signed with a former secret.", "connection")
        self._waiting = self._gauge("deliveries_waiting", "Deliveries in the inbox that nobody has handled yet.")
        self._oldest = self._gauge("deliveries_oldest_seconds", "Age of the oldest of them.")
        self._dispatch = self._histogram("dispatch_seconds", "From received to handed to a workflow.", FAST)
        self._requests = self._counter("forge_requests", "Calls to a forge's API.", "route", "status")
        self._request_seconds = self._histogram("forge_request_seconds", "How long they took.", FAST, "route")
        self._calls = self._counter("model_calls", "Calls to language models.", "model", "result")
        self._tokens = self._counter("model_tokens", "Tokens sent and received.", "model", "direction")
        self._dollars = self._counter("model_dollars", "What they cost, where the price is known.", "model")
        self._reviews = self._counter("reviews", "Runs that ended, by outcome.", "outcome")
        self._review_seconds = self._histogram("review_seconds", "From opened run to completed check.", SLOW)
        self._waits = self._counter("waits", "Waits that were written to a check before they began.", "limit")
        self._late = self._gauge("runs_late", "Runs that should have ended and wait for nothing.")
        self._closed = self._counter("janitor_closes", "Checks completed because their workflow was gone.")
        self._adopted = self._counter(
            "effects_adopted", "Writes that an earlier try may have done, taken up by a later one.", "kind"
        )
        self._limiter_seconds = self._counter("limiter_wait_seconds", "Time spent waiting for limits.", "limit")
        self._refusals = self._counter("limiter_refusals", "Times that a limit said stop, ours or a forge's.", "limit")

    def hook(self, connection: str, status: int, seconds: float) -> None:
        self._hooks.labels(self._bounded("connection", connection), str(status)).inc()
        self._hook_seconds.observe(seconds)

    def old_secret(self, connection: str) -> None:
        self._old_secret.labels(self._bounded("connection", connection)).inc()

    def backlog(self, waiting: int, oldest_seconds: float) -> None:
        self._waiting.set(waiting)
        self._oldest.set(oldest_seconds)

    def dispatched(self, seconds: float) -> None:
        self._dispatch.observe(seconds)

    def forge_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` may be a path: its identifiers are taken out. Status 0 is a call that got no answer."""
        name = self._bounded("route", f"{method} {_IDENTIFIER.sub('/{}', route.partition('?')[0])}")
        self._requests.labels(name, str(status)).inc()
        self._request_seconds.labels(name).observe(seconds)

    def model_call(self, model: str, result: str, *, sent: int, received: int, dollars: float | None) -> None:
        name = self._bounded("model", model)
        self._calls.labels(name, self._bounded("result", result)).inc()
        self._tokens.labels(name, "sent").inc(sent)
        self._tokens.labels(name, "received").inc(received)
        self._dollars.labels(name).inc(dollars or 0)

    def review(self, outcome: str, seconds: float) -> None:
        self._reviews.labels(self._bounded("outcome", outcome)).inc()
        self._review_seconds.observe(seconds)

    def wait(self, limit: str) -> None:
        self._waits.labels(self._bounded("limit", limit)).inc()

    def janitor(self, *, late: int, closed: int) -> None:
        self._late.set(late)
        self._closed.inc(closed)

    def adopted(self, kind: str) -> None:
        self._adopted.labels(self._bounded("kind", kind)).inc()

    def waited(self, limit: str, seconds: float) -> None:
        self._limiter_seconds.labels(self._bounded("limit", limit)).inc(seconds)

    def refused(self, limit: str) -> None:
        self._refusals.labels(self._bounded("limit", limit)).inc()

    def render(self) -> bytes:
        """The page in Prometheus' text format; its type is CONTENT_TYPE."""
        return generate_latest(self._registry)

    def _bounded(self, label: str, value: str) -> str:
        """The value itself while there is room for it, then OTHER: whoever chooses values cannot fill our memory."""
        seen = self._seen.setdefault(label, set())
        if value not in seen:
            if len(seen) >= VALUES_PER_LABEL:
                return OTHER
            seen.add(value)
        return value

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"corrigent_{name}", what, labels, registry=self._registry)

    def _gauge(self, name: str, what: str) -> Gauge:
        return Gauge(f"corrigent_{name}", what, registry=self._registry)

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"corrigent_{name}", what, labels, buckets=buckets, registry=self._registry)
