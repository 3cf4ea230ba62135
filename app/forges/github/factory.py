"""Building the parts of a connection to GitHub."""

from app.forges.base import Limits
from app.forges.github.app_key import AppKey
from app.forges.github.auth import AppAuth, Auth, NoAuth, TokenAuth
from app.forges.github.client import GitHubClient
from app.forges.github.hooks import GitHubInbox
from app.forges.github.pusher import GitHubPusher
from app.forges.github.reader import GitHubReader
from app.forges.github.remarks import GitHubRemarks
from app.forges.github.writer import GitHubWriter
from app.forges.registry import Connection, Forge, Observe


def build_github(connection: Connection, limits: Limits, observe: Observe | None = None) -> Forge:
    client = GitHubClient(connection, limits, observe=observe)
    auth = _auth(client)
    return Forge(
        connection=connection,
        inbox=GitHubInbox(client, auth),
        reader=GitHubReader(client, auth),
        remarks=GitHubRemarks(client, auth),
        writer=GitHubWriter(client, auth),
        close=client.close,
        pusher=GitHubPusher(client, auth),
    )


def _auth(client: GitHubClient) -> Auth:
    connection = client.connection
    if connection.app_id is not None:
        key = AppKey(connection.private_key.get_secret_value())
        return AppAuth(client, app_id=connection.app_id, key=key, slug=connection.slug)
    if token := connection.token.get_secret_value():
        return TokenAuth(client, token)
    return NoAuth(client)
