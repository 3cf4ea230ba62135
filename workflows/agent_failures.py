"""What the failure of an agent's step means: words for people, and whether its sandbox is lost."""

from temporalio.exceptions import ApplicationError, FailureError, TimeoutType
from temporalio.exceptions import TimeoutError as ActivityTimeout


def phrase(error: BaseException) -> str:
    """The innermost failure in the words of its message, which our converter has already cut and redacted."""
    while isinstance(error, FailureError) and error.__cause__ is not None:
        error = error.__cause__
    return error.message if isinstance(error, ApplicationError) else type(error).__name__


def is_lost(error: BaseException) -> bool:
    """Whether a sandbox that was there is not there any more, be it that its machine is gone."""
    while isinstance(error, FailureError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, ActivityTimeout):
        return error.type == TimeoutType.SCHEDULE_TO_START
    return isinstance(error, ApplicationError) and error.type == "SandboxGone"
