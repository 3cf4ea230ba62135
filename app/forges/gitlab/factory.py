"""Building the parts of a connection to GitLab."""

from app.domain.errors import UserError
from app.forges.base import Limits, TokenShelf
from app.forges.gitlab.client import GitLabClient
from app.forges.gitlab.heads import Heads
from app.forges.gitlab.hooks import GitLabInbox
from app.forges.gitlab.pusher import GitLabPusher
from app.forges.gitlab.reader import GitLabReader
from app.forges.gitlab.remarks import GitLabRemarks
from app.forges.gitlab.rotation import Rotation, owner_of
from app.forges.gitlab.upkeep import GitLabUpkeep
from app.forges.gitlab.writer import GitLabWriter
from app.forges.registry import Connection, Forge, Observe


def build_gitlab(
    connection: Connection, limits: Limits, observe: Observe | None = None, shelf: TokenShelf | None = None
) -> Forge:
    if connection.user_id is None:
        raise UserError(f"Connection {connection.key!r} needs `user_id`, the number of the bot's user on GitLab.")
    client = GitLabClient(connection, limits, observe=observe, shelf=shelf)
    heads = Heads()
    return Forge(
        connection=connection,
        inbox=GitLabInbox(connection, connection.user_id),
        reader=GitLabReader(client, heads, connection.user_id),
        remarks=GitLabRemarks(client, connection.user_id),
        writer=GitLabWriter(client, heads, connection.user_id),
        close=client.close,
        pusher=GitLabPusher(client),
        upkeep=GitLabUpkeep(client, Rotation(client, owner_of(connection.slug), shelf) if shelf else None),
    )
