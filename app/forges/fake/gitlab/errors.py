"""How GitLab says no: `message` for what it decides, `error` for what its parameter check finds."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime

from typing_extensions import override

from app.forges.fake.errors import Refusal
from app.forges.fake.faults import Refuse


class Refused(Refusal):
    """An answer whose body is exactly this."""

    def __init__(self, status: int, body: Mapping[str, object], *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, str(body), headers=headers)
        self.answer = dict(body)

    @property
    @override
    def data(self) -> dict[str, object]:
        return self.answer


def says(status: int, message: object) -> Refused:
    return Refused(status, {"message": message})


def unauthorized() -> Refused:
    return says(401, "401 Unauthorized")


def invalid_token(why: str) -> Refused:
    return Refused(401, {"error": "invalid_token", "error_description": why})


def insufficient_scope(*scopes: str) -> Refused:
    text = "The request requires higher privileges than provided by the access token."
    return Refused(403, {"error": "insufficient_scope", "error_description": text, "scope": " ".join(scopes)})


def forbidden(why: str = "") -> Refused:
    return says(403, f"403 Forbidden - {why}" if why else "403 Forbidden")


def not_found(what: str = "") -> Refused:
    """Also the answer to who may not see what is there."""
    return says(404, f"404 {what} Not Found" if what else "404 Not Found")


def bad_request(why: str) -> Refused:
    return says(400, f"400 Bad request - {why}")


def bad_parameter(problem: str) -> Refused:
    """Found before anything was looked at: "note is missing"."""
    return Refused(400, {"error": problem})


def conflict(why: str) -> Refused:
    return says(409, f"409 Conflict: {why}")


def throttled(wait: timedelta) -> Refuse:
    """429 in plain text with the seconds to wait."""
    return Refuse(Refusal(429, "Retry later", headers={"retry-after": str(int(wait.total_seconds()))}))


def throttled_until(moment: datetime) -> Refuse:
    """429 with `Retry-After` as an HTTP date, as proxies write it."""
    return Refuse(Refusal(429, "Retry later", headers={"retry-after": format_datetime(moment, usegmt=True)}))


def throttled_without_a_word() -> Refuse:
    """429 in plain text and nothing else."""
    return Refuse(Refusal(429, "Retry later"))
