"""Who asks, and what they may: people's tokens, project and group tokens with scopes and an end, nobody."""

import base64
import binascii
from dataclasses import dataclass

from app.forges.fake.exchange import Request
from app.forges.fake.gitlab.entities import Access, Project, Token, User
from app.forges.fake.gitlab.errors import forbidden, insufficient_scope, invalid_token, not_found, unauthorized
from app.forges.fake.gitlab.state import GitLabState

READ_SCOPES = ("api", "read_api")
WRITE_SCOPES = ("api",)
_REVOKED = "Token was revoked. You have to re-authorize from the user."
_EXPIRED = "Token is expired. You can either do re-authorization or token refresh."


@dataclass(frozen=True)
class Viewer:
    """Who a request comes from; without a token, nobody."""

    token: Token | None = None

    @property
    def user(self) -> User | None:
        return self.token.user if self.token else None

    @property
    def account_key(self) -> str:
        """Whose limits are spent."""
        return f"user/{self.token.user.user_id}" if self.token else "anonymous"

    def acting_user(self) -> User:
        if self.user is None:
            raise unauthorized()
        return self.user

    def require_scope(self, scopes: tuple[str, ...]) -> None:
        if self.token is not None and not self.token.scopes.intersection(scopes):
            raise insufficient_scope(*scopes)

    def may(self, project: Project, access: Access) -> bool:
        return self.user is not None and project.role_of(self.user) >= access

    def require(self, project: Project, access: Access) -> None:
        """404 for what one may not see, 403 for what one may not do."""
        if not project.is_seen_by(self.user):
            raise not_found("Project")
        if access > Access.NONE and not self.may(project, access):
            raise unauthorized() if self.user is None else forbidden()


def sign_in(gitlab: GitLabState, request: Request) -> Viewer:
    """By `PRIVATE-TOKEN` or `Authorization: Bearer`."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    text = request.headers.get("private-token", "") or (value.strip() if scheme.lower() == "bearer" else "")
    return Viewer(_active(gitlab, text)) if text else Viewer()


def sign_in_to_git(gitlab: GitLabState, authorization: str) -> Viewer:
    """Any user name, and a token as the password."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return Viewer()
    try:
        password = base64.b64decode(value).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        raise unauthorized() from None
    return Viewer(_active(gitlab, password))


def _active(gitlab: GitLabState, text: str) -> Token:
    token = gitlab.tokens.get(text)
    if token is None or token.user.deleted:
        raise unauthorized()
    if token.revoked:
        raise invalid_token(_REVOKED)
    if not token.active(gitlab.today):
        raise invalid_token(_EXPIRED)
    return token
