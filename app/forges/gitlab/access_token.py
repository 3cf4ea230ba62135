"""What an access token is: whose, with which scopes and until when, and what it may do in a project."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.domain.errors import Gone
from app.domain.pull_request import Person
from app.forges.gitlab import routes
from app.forges.gitlab.calls import Calls
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.models import MemberShape, TokenShape, UserShape

# Reading, writing notes and statuses, pushing and renewing itself: GitLab has one scope for all of it.
NEEDED_SCOPE = "api"
# The first reads a project's code, the second resolves threads and pushes, the third makes webhooks.
REPORTER = 20
DEVELOPER = 30
MAINTAINER = 40
_ROLES = ((50, "Owner"), (40, "Maintainer"), (30, "Developer"), (20, "Reporter"), (15, "Planner"), (10, "Guest"))


@dataclass(frozen=True)
class AccessToken:
    """`scopes` is what it was made with; without NEEDED_SCOPE it may at most read."""

    scopes: Sequence[str]
    # None: never.
    ends_on: date | None

    @property
    def can_work(self) -> bool:
        return NEEDED_SCOPE in self.scopes


class AccessTokens:
    """Looks at the token of one client."""

    def __init__(self, client: GitLabClient) -> None:
        self._calls = Calls(client, routes.TOKEN_ROUTES | {routes.ME, routes.MEMBER})

    async def look(self) -> AccessToken:
        """Unauthorized when GitLab does not know it, or it has ended."""
        shape = (await self._calls.send(routes.TOKEN)).read(TokenShape)
        return AccessToken(shape.scopes, shape.expires_at)

    async def owner(self) -> Person:
        """Whose it is; a token without scopes for that may not know."""
        return (await self._calls.send(routes.ME)).read(UserShape).person()

    async def role_in(self, repo_id: str, person: Person) -> int:
        """The level of its user in a project, inherited ones included; 0 for none."""
        try:
            answer = await self._calls.send(routes.MEMBER, repo=repo_id, user=person.user_id)
        except Gone:
            return 0
        return answer.read(MemberShape).access_level


def role_named(level: int) -> str:
    """GitLab's word for a level: "Developer"."""
    return next((name for least, name in _ROLES if level >= least), "no role")
