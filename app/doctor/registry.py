"""Every check, in the order in which its line is printed."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from app.connection_settings import Connection
from app.doctor.base import Check, Ground, Line
from app.doctor.first_day import check_first_day
from app.doctor.gateway import check_gateway, has_gateway
from app.doctor.github import check_connection as check_github
from app.doctor.github_webhooks import check_webhooks as check_github_webhooks
from app.doctor.gitlab import check_connection as check_gitlab
from app.doctor.gitlab_webhooks import check_webhooks as check_gitlab_webhooks
from app.doctor.home import check_blobs, check_database, check_disk, check_settings
from app.doctor.model import check_model
from app.doctor.old_secret import PART as OLD_SECRET
from app.doctor.old_secret import check_old_secret, old_secret_of
from app.doctor.programs import check_git, check_linters, check_sandbox
from app.doctor.temporal import check_temporal
from app.settings import Settings

# A model may think for a while, and its provider's library takes seconds to import.
FOR_MODELS = timedelta(seconds=60)
# Several requests, and two for each project of a GitLab.
FOR_FORGES = timedelta(seconds=30)
# The probe lets memory, processes and disk run out in a sandbox.
FOR_PROBES = timedelta(seconds=60)


def checks_of(settings: Settings) -> Sequence[Check]:
    """Those of this installation: each connection has its own."""
    return (
        Check(part="settings", run=check_settings, mend="see that this user may read its home folder"),
        Check(
            part="database",
            run=check_database,
            mend="see that it runs, and that this user may write to it (database_url)",
            names=("store",),
        ),
        Check(part="Temporal", run=check_temporal, mend="see that it runs at temporal_address, or leave that out"),
        Check(part="sandbox", run=check_sandbox, mend="then: corrigent doctor sandbox", deadline=FOR_PROBES),
        *_of_gateway(settings),
        *_of_connections(settings),
        Check(part="model", run=check_model, mend="then: corrigent doctor model", deadline=FOR_MODELS),
        Check(part="git", run=check_git, mend="install git with the system's package manager"),
        Check(part="blobs", run=check_blobs, mend="see that this user may write to blobs_url"),
        Check(part="disk", run=check_disk, mend="see that the home folder can be reached"),
        Check(part="linters", run=check_linters, mend="python3 deploy/bootstrap.py doctor installs them"),
        Check(
            part="first day",
            run=check_first_day,
            mend="first mend what stands above",
            names=("first", "first-day", "firstday"),
            deadline=timedelta(seconds=40),
        ),
    )


def _of_gateway(settings: Settings) -> Sequence[Check]:
    if not has_gateway(settings):
        return ()
    return (Check(part="gateway", run=check_gateway, mend="then: corrigent doctor gateway"),)


def _of_connections(settings: Settings) -> Sequence[Check]:
    if not settings.connections:
        return (Check(part="forge", run=_no_forge, mend=""),)
    return [check for one in settings.connections for check in _of(one, alone=len(settings.connections) == 1)]


def _of(connection: Connection, *, alone: bool) -> Sequence[Check]:
    name, check_connection, check_webhooks = _KINDS[connection.kind]
    part = name if alone else connection.key
    return (
        Check(
            part=part,
            run=partial(check_connection, part=part, key=connection.key),
            mend=f"see web_url, ca_file and proxy of connection {connection.key!r}; then: corrigent doctor {part}",
            names=(connection.kind, connection.key),
            deadline=FOR_FORGES,
        ),
        Check(
            part="webhooks",
            run=partial(check_webhooks, key=connection.key),
            mend=f"first mend {part}",
            names=(f"webhooks/{connection.key}", "polling"),
            deadline=FOR_FORGES,
        ),
        *_of_rotation(connection),
    )


def _of_rotation(connection: Connection) -> Sequence[Check]:
    setting = old_secret_of(connection)
    if not setting:
        return ()
    run = partial(check_old_secret, key=connection.key, setting=setting)
    return (Check(part=OLD_SECRET, run=run, mend="first mend the database", names=("rotation", "old-secret")),)


# How each kind is called, and what looks at it.
_KINDS = {
    "github": ("GitHub", check_github, check_github_webhooks),
    "gitlab": ("GitLab", check_gitlab, check_gitlab_webhooks),
}


async def _no_forge(_: Ground) -> Line:
    return Line("wait", "forge", "none yet: corrigent setup github, or corrigent setup gitlab")
