"""How GitHub says no: the exception that every door turns into an answer, with GitHub's own words."""

from collections.abc import Mapping, Sequence

DOCUMENTATION = "https://docs.github.com/rest"


class Refusal(Exception):
    """An error answer; `errors` are strings for reviews and objects elsewhere, as on GitHub."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: Sequence[object] = (),
        headers: Mapping[str, str] | None = None,
        documentation_url: str = DOCUMENTATION,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.documentation_url = documentation_url

    @property
    def data(self) -> dict[str, object]:
        body: dict[str, object] = {"message": self.message}
        if self.errors:
            body["errors"] = self.errors
        return {**body, "documentation_url": self.documentation_url, "status": str(self.status)}


def not_found() -> Refusal:
    """Also the answer to who may not see what is there."""
    return Refusal(404, "Not Found")


def forbidden(*needs: str) -> Refusal:
    """A token without the permission; the header says which would do."""
    accepted = "; ".join(need.replace(":", "=") for need in needs)
    headers = {"x-accepted-github-permissions": accepted} if accepted else {}
    return Refusal(403, "Resource not accessible by integration", headers=headers)


def unprocessable(*errors: str) -> Refusal:
    """The form used for reviews: a list of sentences."""
    return Refusal(422, "Unprocessable Entity", errors=errors)


def invalid(resource: str, field: str, message: str = "", *, code: str = "custom") -> Refusal:
    """The form used elsewhere: a list of objects."""
    problem = {"resource": resource, "code": code, "field": field}
    return Refusal(422, "Validation Failed", errors=[{**problem, "message": message} if message else problem])
