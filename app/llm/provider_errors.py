"""One table from what providers answer to what we do about it; no text of theirs is passed on, it may hold the prompt."""

from datetime import UTC, datetime, timedelta

from pydantic_ai.exceptions import (
    ContentFilterError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelOverloadedError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelRequestTimeout,
    ModelTimeoutError,
)

from app.domain.errors import RateLimited, UserError
from app.llm.chat import ModelRefused, ModelUnavailable, PromptTooLong
from app.llm.models import ModelAccess, ModelSpec

# How long do we wait when a provider says "later" without saying when?
_DEFAULT_WAIT = timedelta(seconds=30)
# No provider's limit lasts longer; a broken header must not park a review for a year.
_LONGEST_WAIT = timedelta(hours=1)


def translated(error: Exception, spec: ModelSpec, access: ModelAccess) -> Exception:
    """The error of ours that says what to do: wait, tell the user, ask again later, or leave it."""
    where, status = spec.provider, getattr(error, "status_code", None)
    match error:
        case ModelRateLimitError() | ModelOverloadedError():
            return RateLimited(datetime.now(UTC) + _wait(error), "model")
        case ModelQuotaExceededError():
            return UserError(f"{where}: the account's quota or credit is used up.")
        case ModelAuthenticationError():
            return UserError(f"{where}: {status or 'refused'}, {_key(access)}")
        case ModelNotFoundError():
            return UserError(f"{where} knows no model {spec.name!r} ({status or 'not found'}).")
        case ModelContextWindowExceededError():
            return PromptTooLong("too long for the model")
        case ContentFilterError():
            return ModelRefused("model refused")
        case ModelRequestTimeout() | ModelTimeoutError():
            return ModelUnavailable(f"model gave no answer in {access.deadline.total_seconds():g} s")
        case ModelRequestRejectedError():
            return UserError(f"{where}: {status}, it does not accept our request for model {spec.name!r}.")
        case ModelHTTPError():
            return ModelUnavailable(f"model answered {error.status_code}")
        case ModelConnectionError() if error.phase in {"connect", "pool"}:
            return ModelUnavailable("model could not be reached")
        case _:
            return ModelUnavailable("model's server sent a broken answer")


def _wait(error: ModelAPIError) -> timedelta:
    if error.retry_after is None:
        return _DEFAULT_WAIT
    return min(max(timedelta(seconds=error.retry_after), timedelta(seconds=1)), _LONGEST_WAIT)


def _key(access: ModelAccess) -> str:
    if not access.api_key:
        return "no key was given"
    return f"the key ends in …{access.api_key[-3:]}" if len(access.api_key) >= 12 else "the key is not accepted"
