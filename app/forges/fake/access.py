"""Who asks, and what they may: App tokens, installation tokens, people's tokens, nobody."""

import base64
import binascii
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from app.domain.pull_request import Permission
from app.forges.fake.entities import App, Installation, Level, Repository, Token, User
from app.forges.fake.errors import Refusal, forbidden, not_found
from app.forges.fake.state import FakeGitHub

_LEVELS: tuple[Level, ...] = ("none", "read", "write", "admin")
# What a person's role allows, in the words of App permissions; everybody who can read may comment and review.
_PEOPLE: dict[str, Permission] = {
    "contents:write": Permission.WRITE,
    "statuses:write": Permission.WRITE,
    "administration:read": Permission.ADMIN,
}
_TOKEN_LIFE = timedelta(hours=1)
_BAD_JWT = "A JSON web token could not be decoded"
_BAD_IAT = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
_BAD_EXP = (
    "'Expiration time' claim ('exp') must be a numeric value representing "
    "the future time at which the assertion expires"
)


@dataclass(frozen=True)
class Viewer:
    """Who a request comes from. At most one of app and token is set; neither means nobody signed in."""

    app: App | None = None
    token: Token | None = None

    @property
    def user(self) -> User | None:
        return self.token.user if self.token else None

    @property
    def installation(self) -> Installation | None:
        return self.token.installation if self.token else None

    @property
    def account_key(self) -> str:
        """Whose limits are spent."""
        if self.installation:
            return f"installation/{self.installation.installation_id}"
        if self.user:
            return f"user/{self.user.user_id}"
        return f"app/{self.app.app_id}" if self.app else "anonymous"

    def acting_user(self) -> User:
        if self.user is None:
            raise Refusal(401, "Requires authentication")
        return self.user

    def reaches(self, repo: Repository) -> bool:
        """Whether a token was given this repository, public or not."""
        if self.installation is None or self.token is None:
            return self.user is not None and repo.role_of(self.user) is not Permission.NONE
        chosen = self.token.repository_ids
        return self.installation.covers(repo) and (chosen is None or repo.repo_id in chosen)

    def sees(self, repo: Repository) -> bool:
        return not repo.deleted and (not repo.private or self.reaches(repo))

    def allows(self, repo: Repository, need: str) -> bool:
        """`need` is a permission and a level: "contents:write"."""
        name, level = need.split(":")
        if self.app is not None:
            return False
        if self.installation is not None and self.token is not None:
            if not self.reaches(repo):
                return not repo.private and level == "read" and name != "administration"
            return _at_least(self.token.permissions.get(name, "none"), level)
        if self.user is None:
            return level == "read" and not repo.private and name != "administration"
        return repo.role_of(self.user).allows(_PEOPLE.get(need, Permission.READ))

    def require(self, repo: Repository, needs: Sequence[str]) -> None:
        """404 for what one may not see, 403 for what one may not do."""
        if not self.sees(repo):
            raise not_found()
        if needs and not any(self.allows(repo, need) for need in needs):
            if self.installation is not None:
                raise forbidden(*needs)
            if self.user is None:
                raise Refusal(401, "Requires authentication")
            raise Refusal(403, "Must have write access to the repository")


def sign_in(github: FakeGitHub, authorization: str) -> Viewer:
    """Who an Authorization header belongs to; Bearer, token and Basic (git) forms."""
    scheme, _, value = authorization.partition(" ")
    value = value.strip()
    if not scheme:
        return Viewer()
    if scheme.lower() == "basic":
        value = _basic_password(value)
    if value.count(".") == 2 and not value.startswith("gh"):
        return Viewer(app=_app_of(github, value))
    token = github.tokens.get(value)
    if token is None or not _alive(github, token):
        raise Refusal(401, "Bad credentials")
    if token.installation is not None and token.installation.suspended_at is not None:
        raise Refusal(403, "This installation has been suspended")
    return Viewer(token=token)


def mint(
    github: FakeGitHub,
    installation: Installation,
    *,
    repository_ids: Sequence[int] | None,
    repository_names: Sequence[str] | None,
    permissions: Mapping[str, str],
) -> Token:
    """An installation token for an hour, narrowed as asked."""
    if installation.suspended_at is not None:
        raise Refusal(403, "This installation has been suspended")
    for name, level in permissions.items():
        if not _at_least(installation.permissions.get(name, "none"), level):
            raise Refusal(422, "The permissions requested are not granted to this installation.")
    chosen = _chosen_repositories(github, installation, repository_ids, repository_names)
    granted = cast("dict[str, Level]", dict(permissions)) if permissions else dict(installation.permissions)
    token = Token(
        text=_token_text(github, installation.app),
        user=installation.app.bot,
        installation=installation,
        expires_at=github.clock.now() + _TOKEN_LIFE,
        permissions={**granted, "metadata": "read"},
        repository_ids=chosen,
    )
    github.tokens[token.text] = token
    return token


def _chosen_repositories(
    github: FakeGitHub, installation: Installation, ids: Sequence[int] | None, names: Sequence[str] | None
) -> frozenset[int] | None:
    if ids is None and names is None:
        return None
    reachable = github.repositories_of(installation)
    chosen = {repo.repo_id for repo in reachable if repo.repo_id in (ids or ()) or repo.name in (names or ())}
    if len(chosen) < len(set(ids or ())) + len(set(names or ())):
        raise Refusal(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        )
    return frozenset(chosen)


def _at_least(granted: str, wanted: str) -> bool:
    order: tuple[str, ...] = _LEVELS
    return wanted in order and granted in order and order.index(granted) >= order.index(wanted)


def _alive(github: FakeGitHub, token: Token) -> bool:
    if token.revoked or token.user.deleted or (token.installation is not None and token.installation.deleted):
        return False
    return token.expires_at is None or github.clock.now() < token.expires_at


def _token_text(github: FakeGitHub, app: App) -> str:
    """`ghs_<app id>_<token that looks like a JWT>`, about 520 characters; 40 on an older server."""
    if github.flavour != "github.com":
        return f"ghs_{secrets.token_hex(18)}"
    parts = (secrets.token_urlsafe(48), secrets.token_urlsafe(192), secrets.token_urlsafe(140))
    return f"ghs_{app.app_id}_" + ".".join(parts)


def _basic_password(value: str) -> str:
    try:
        return base64.b64decode(value).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        raise Refusal(401, "Bad credentials") from None


def _app_of(github: FakeGitHub, token: str) -> App:
    """The App that signed this; refused as GitHub refuses bad, old and far-sighted tokens."""
    signed, _, signature = token.rpartition(".")
    header, claims = _decoded(signed.partition(".")[0]), _decoded(signed.partition(".")[2])
    issuer = str(claims.get("iss", ""))
    app = next((app for app in github.apps.values() if issuer in (str(app.app_id), app.client_id)), None)
    if app is None:
        raise Refusal(404, "Integration not found")
    try:
        app.public_key.verify(_raw(signature), signed.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        raise Refusal(401, _BAD_JWT) from None
    issued, expires, now = claims.get("iat"), claims.get("exp"), github.clock.now().timestamp()
    if header.get("alg") != "RS256":
        raise Refusal(401, _BAD_JWT)
    if not isinstance(issued, int) or issued > now + 60:
        raise Refusal(401, _BAD_IAT)
    if not isinstance(expires, int) or expires <= now:
        raise Refusal(401, _BAD_EXP)
    if expires > now + 600 + 60:
        raise Refusal(401, "'Expiration time' claim ('exp') is too far in the future")
    return app


def _decoded(part: str) -> dict[str, object]:
    try:
        data: object = json.loads(_raw(part))
    except ValueError:
        raise Refusal(401, _BAD_JWT) from None
    if not isinstance(data, dict):
        raise Refusal(401, _BAD_JWT)
    return cast("dict[str, object]", data)


def _raw(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise Refusal(401, _BAD_JWT) from None
