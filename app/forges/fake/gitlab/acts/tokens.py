"""Tokens that replace themselves: the old one ends at once, and using it to rotate again ends the whole family."""

from datetime import date, timedelta

from app.forges.fake.gitlab.entities import Token
from app.forges.fake.gitlab.errors import bad_request
from app.forges.fake.gitlab.state import GitLabState

_DEFAULT_LIFE = timedelta(days=7)
_LONGEST_LIFE = timedelta(days=365)


def rotate(gitlab: GitLabState, old: Token, expires_at: date | None) -> Token:
    """The successor: the same scopes and role, living until then or for a week."""
    ends = expires_at or gitlab.today + _DEFAULT_LIFE
    if not gitlab.today < ends <= gitlab.today + _LONGEST_LIFE:
        raise bad_request("Expiration date must be in the next 365 days")
    old.revoked = True
    return gitlab.make_token(
        old.user,
        name=old.name,
        scopes=old.scopes,
        expires_at=ends,
        access=old.access,
        project=old.project,
        group=old.group,
        family=old.family,
    )


def revoke_family(gitlab: GitLabState, token: Token) -> None:
    """A token that was rotated away is used again: somebody has stolen one of them."""
    for other in gitlab.tokens.values():
        if other.family == token.family:
            other.revoked = True
