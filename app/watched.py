"""What is rare and worth knowing is counted and logged: limits that bite, writes taken up again, old secrets in use."""

import structlog

from app.metrics import Metrics

log = structlog.get_logger()


class Watched:
    """Which run it was for is in the line: an activity's fields go with everything that is logged in it."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def adopted(self, kind: str) -> None:
        self._metrics.adopted(kind)
        log.info("effect.adopted", kind=kind)

    def old_secret(self, connection: str) -> None:
        self._metrics.old_secret(connection)
        log.info("hook.old_secret_used", connection=connection)

    def waited(self, limit: str, seconds: float) -> None:
        self._metrics.waited(limit, seconds)

    def refused(self, limit: str) -> None:
        self._metrics.refused(limit)
        log.info("limit.refused", limit=limit)
