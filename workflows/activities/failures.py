"""How an activity's failure reaches Temporal: what waits, what is final, and never a trace or a secret in a history."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from temporalio import activity
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, PayloadConverter
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from app.domain.errors import ForgeRefused, RateLimited, Refused, UserError
from app.domain.secrets import redact
from workflows.activities.heartbeat import beating

# A failure is a sentence in a history; its trace is in the log under the run's id.
LONGEST_MESSAGE = 300

log = structlog.get_logger()


class FailureSense(Interceptor):
    """Every activity of a worker beats while it lives, and what goes wrong in it is read in one way."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.clock = clock

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Sense(next, self.clock)


class _Sense(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, clock: Callable[[], datetime]) -> None:
        super().__init__(following)
        self.clock = clock

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name and type
        # Everything that is logged meanwhile says what it was for.
        structlog.contextvars.bind_contextvars(**_about(input.args))
        try:
            async with beating():
                return await super().execute_activity(input)
        except RateLimited as limit:
            # The server keeps the timer: no slot is held, and a restart of ours changes nothing.
            wait = max(limit.until - self.clock(), timedelta(milliseconds=200))
            raise ApplicationError(str(limit), type="RateLimited", next_retry_delay=wait) from None
        except (UserError, Refused, ForgeRefused) as final:
            raise ApplicationError(_sentence(str(final)), type=type(final).__name__, non_retryable=True) from None
        except ApplicationError:
            raise
        except Exception as failure:
            info = activity.info()
            log.warning("activity.failed", activity=info.activity_type, attempt=info.attempt, exc_info=failure)
            raise


def _about(arguments: Sequence[Any]) -> dict[str, str]:
    """The run and the pull request that an activity's message names; an activity has a context of its own."""
    named = {"run_id": "run_id", "pull_request": "ref", "head_sha": "head_sha"}
    found = {field: getattr(message, name, None) for message in arguments for field, name in named.items()}
    return {field: str(value) for field, value in found.items() if value}


class SentenceFailures(DefaultFailureConverter):
    """Type and one redacted sentence; no stack trace, which holds paths and, with some libraries, secrets."""

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        super().to_failure(exception, payload_converter, failure)
        _strip(failure)


def _strip(failure: Failure) -> None:
    failure.stack_trace = ""
    failure.message = _sentence(failure.message)
    if failure.HasField("cause"):
        _strip(failure.cause)


def _sentence(text: str) -> str:
    return redact(text)[:LONGEST_MESSAGE]
