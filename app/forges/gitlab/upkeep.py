"""What a connection to GitLab needs now and then: webhooks for projects that were made since the last look."""

from collections.abc import Sequence

import structlog

from app.domain.errors import ForgeRefused
from app.forges.gitlab.access_token import MAINTAINER
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.webhooks import Owner, Webhooks, wish_of

log = structlog.get_logger(__name__)


class GitLabUpkeep:
    """The `ForgeUpkeep` of one connection. Where a group has its own webhook, there is nothing to do."""

    def __init__(self, client: GitLabClient) -> None:
        self._client = client
        self._hooks = Webhooks(client)

    async def tend(self) -> Sequence[str]:
        """Only projects in which our token may make webhooks are looked at: the others are said by `doctor`."""
        connection = self._client.connection
        if not connection.hook_group or not connection.hook_url:
            return ()
        projects = await self._hooks.projects_in(connection.hook_group, least_role=MAINTAINER)
        return [told for owner in projects if (told := await self._ensure(owner))]

    async def _ensure(self, owner: Owner) -> str:
        """One that refuses must not hide those behind it."""
        try:
            done = await self._hooks.ensure(owner, wish_of(self._client.connection))
        except ForgeRefused as refusal:
            log.warning("gitlab.webhook_refused", project_id=owner.owner_id, status=refusal.status)
            return ""
        return "" if done == "as it was" else f"webhook of {owner.full_path} {done}"
