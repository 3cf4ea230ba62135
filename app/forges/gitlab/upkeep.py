"""What a connection to GitLab needs now and then: a token before its own ends, webhooks for projects that are new."""

from collections.abc import Sequence

import structlog

from app.domain.errors import ForgeRefused, UserError
from app.forges.base import Tended
from app.forges.gitlab.access_token import MAINTAINER
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.rotation import Rotation
from app.forges.gitlab.webhooks import Owner, Webhooks, wish_of

log = structlog.get_logger(__name__)


class GitLabUpkeep:
    """The `ForgeUpkeep` of one connection. Without a rotation the token is left as it is."""

    def __init__(self, client: GitLabClient, rotation: Rotation | None) -> None:
        self._client = client
        self._rotation = rotation
        self._hooks = Webhooks(client)

    async def tend(self) -> Tended:
        renewed, trouble = "", ""
        try:
            renewed = await self._rotation.rotate_if_due() if self._rotation else ""
        except UserError as error:
            trouble = str(error)
        try:
            new_hooks = await self._new_hooks()
        except ForgeRefused:
            # Of a token that has ended, that is the lesser news.
            if not trouble:
                raise
            new_hooks = ()
        return Tended(done=(renewed, *new_hooks) if renewed else tuple(new_hooks), trouble=trouble)

    async def _new_hooks(self) -> Sequence[str]:
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
