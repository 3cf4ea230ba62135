"""From what providers answer to what we do about it. No text of theirs is passed on: it may hold the prompt."""

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
    """The error of ours that says what to do: wait, tell the user, leave this question, or ask again later."""
    if isinstance(error, ModelRateLimitError | ModelOverloadedError):
        return RateLimited(datetime.now(UTC) + _wait(error), "model")
    if isinstance(error, ModelContextWindowExceededError):
        return PromptTooLong("too long for the model")
    if isinstance(error, ContentFilterError):
        return ModelRefused("model refused")
    if sentence := _for_the_user(error, spec, access):
        return UserError(sentence)
    return ModelUnavailable(_what_happened(error, access))


def _for_the_user(error: Exception, spec: ModelSpec, access: ModelAccess) -> str:
    """What somebody has to change before it can work; empty when it is nobody's fault here."""
    status = error.status_code if isinstance(error, ModelHTTPError) else "refused"
    match error:
        case ModelQuotaExceededError():
            return f"{spec.provider}: the account's quota or credit is used up."
        case ModelAuthenticationError():
            return f"{spec.provider}: {status}, {_key(access)}"
        case ModelNotFoundError():
            return f"{spec.provider} knows no model {spec.name!r} ({status})."
        case ModelRequestRejectedError():
            return f"{spec.provider}: {status}, it does not accept our request for model {spec.name!r}."
        case _:
            return ""


def _what_happened(error: Exception, access: ModelAccess) -> str:
    match error:
        case ModelRequestTimeout() | ModelTimeoutError():
            return f"model gave no answer in {access.deadline.total_seconds():g} s"
        case ModelHTTPError() if error.status_code >= 400:
            return f"model answered {error.status_code}"
        case ModelConnectionError() if error.phase in {"connect", "pool"}:
            return "model could not be reached"
        case _:
            return "model's server sent a broken answer"


def _wait(error: ModelAPIError) -> timedelta:
    if error.retry_after is None:
        return _DEFAULT_WAIT
    return min(max(timedelta(seconds=min(error.retry_after, 1e6)), timedelta(seconds=1)), _LONGEST_WAIT)


def _key(access: ModelAccess) -> str:
    if not access.api_key:
        return "no key was given"
    return f"the key ends in …{access.api_key[-3:]}" if len(access.api_key) >= 12 else "the key is not accepted"
