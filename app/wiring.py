"""The only place that builds: settings in, parts out. Every part gets what it needs, and nothing else."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from app.checkouts.mirrors import Mirrors
from app.checkouts.operator_rules import read_operator_rules
from app.checkouts.patching import Patching
from app.domain.errors import UserError
from app.domain.names import COMMAND_PREFIX
from app.domain.phrases import Voice
from app.domain.pull_request import PullRequestRef
from app.forges.base import ForgeInbox, ForgePusher, ForgeReader, ForgeRemarks, ForgeUpkeep, ForgeWriter, Limits
from app.forges.quiet import QuietWriter
from app.forges.registry import Connection, Forge, Observe, build
from app.metrics import Metrics
from app.settings import Connection as ConfiguredConnection
from app.settings import Settings
from app.store.actions import Actions
from app.store.agents import Agents
from app.store.audit import Audit
from app.store.blobs import Blobs
from app.store.config_files import ConfigFiles
from app.store.connection_tokens import ConnectionToken
from app.store.cursors import Cursors
from app.store.database import Database, parse_url
from app.store.deliveries import Deliveries
from app.store.effects import SETTLED_BY, Effects
from app.store.environment_problems import EnvironmentProblems
from app.store.feedback import Votes
from app.store.findings import Findings
from app.store.limits import LimitBuckets
from app.store.measures import Measures
from app.store.old_secrets import OldSecrets
from app.store.pull_requests import PullRequests
from app.store.repositories import Repositories
from app.store.retention import Keep, Retention
from app.store.rules import Rules
from app.store.runs import Runs
from app.store.schema import check, migrate
from app.store.streams import Streams
from app.store.troubles import Troubles
from app.store.uploads import Uploads
from app.store.usage import Usage
from app.watched import Watched
from workflows.activities.configuration import OperatorLayers

IsQuiet = Callable[[PullRequestRef], Awaitable[bool]]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Store:
    """Everything that outlives a process."""

    db: Database
    actions: Actions
    agents: Agents
    audit: Audit
    blobs: Blobs
    config_files: ConfigFiles
    cursors: Cursors
    deliveries: Deliveries
    effects: Effects
    environment_problems: EnvironmentProblems
    findings: Findings
    limits: LimitBuckets
    measures: Measures
    old_secrets: OldSecrets
    pull_requests: PullRequests
    repositories: Repositories
    rules: Rules
    runs: Runs
    streams: Streams
    troubles: Troubles
    uploads: Uploads
    usage: Usage
    votes: Votes


@asynccontextmanager
async def open_store(settings: Settings, *, may_migrate: bool, metrics: Metrics | None = None) -> AsyncGenerator[Store]:
    """The database at this version's schema; UserError when it is not and may not be brought to it."""
    watched = Watched(metrics or Metrics())
    _make(settings.home)
    db = await Database.open(settings.database_url.get_secret_value())
    try:
        await (migrate(db) if may_migrate else check(db))
        yield Store(
            db=db,
            actions=Actions(db),
            agents=Agents(db),
            audit=Audit(db),
            blobs=open_blobs(settings),
            config_files=ConfigFiles(db),
            cursors=Cursors(db),
            deliveries=Deliveries(db),
            effects=Effects(db, adopted=watched.adopted, settled_by=SETTLED_BY * settings.time_scale),
            environment_problems=EnvironmentProblems(db),
            findings=Findings(db),
            limits=LimitBuckets(db, watch=watched),
            measures=Measures(db),
            old_secrets=OldSecrets(Cursors(db), used=watched.old_secret),
            pull_requests=PullRequests(db),
            repositories=Repositories(db),
            rules=Rules(db),
            runs=Runs(db),
            streams=Streams(db),
            troubles=Troubles(db),
            uploads=Uploads(db),
            usage=Usage(db),
            votes=Votes(db),
        )
    finally:
        await db.close()


def _make(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{home} cannot be made: {error.strerror}. Choose another with --home.") from error


def open_blobs(settings: Settings) -> Blobs:
    secret = settings.blobs_secret_access_key
    return Blobs(
        settings.blobs_url,
        endpoint=settings.blobs_endpoint,
        region=settings.blobs_region,
        access_key_id=settings.blobs_access_key_id,
        secret_access_key=secret.get_secret_value() if secret else "",
    )


def open_retention(settings: Settings, store: Store) -> Retention:
    keep = Keep(
        runs=timedelta(days=settings.keep_runs_days),
        deliveries=timedelta(days=settings.keep_deliveries_days),
        bodies=timedelta(days=settings.keep_bodies_days),
        failed_bodies=timedelta(days=settings.keep_failed_bodies_days),
        uninstalled=timedelta(days=settings.keep_uninstalled_days),
    )
    return Retention(store.db, store.blobs, keep)


@dataclass(frozen=True, kw_only=True)
class Forges:
    """The configured connections by key; each step gets the protocol it needs."""

    all: Mapping[str, Forge]
    is_quiet: IsQuiet

    @property
    def inboxes(self) -> Mapping[str, ForgeInbox]:
        return {key: forge.inbox for key, forge in self.all.items()}

    @property
    def readers(self) -> Mapping[str, ForgeReader]:
        return {key: forge.reader for key, forge in self.all.items()}

    @property
    def remarks(self) -> Mapping[str, ForgeRemarks]:
        return {key: forge.remarks for key, forge in self.all.items()}

    @property
    def writers(self) -> Mapping[str, ForgeWriter]:
        return {key: QuietWriter(forge.writer, self.is_quiet) for key, forge in self.all.items()}

    @property
    def pushers(self) -> Mapping[str, ForgePusher]:
        return {key: forge.pusher for key, forge in self.all.items() if forge.pusher is not None}

    @property
    def upkeeps(self) -> Mapping[str, ForgeUpkeep]:
        return {key: forge.upkeep for key, forge in self.all.items() if forge.upkeep is not None}

    @property
    def mentions(self) -> Mapping[str, tuple[str, ...]]:
        """What addresses us on each connection."""
        return {key: (COMMAND_PREFIX, f"@{forge.connection.slug}") for key, forge in self.all.items()}


@asynccontextmanager
async def open_forges(
    settings: Settings,
    limits: Limits,
    is_quiet: IsQuiet | None = None,
    *,
    observe: Observe | None = None,
    db: Database | None = None,
) -> AsyncGenerator[Forges]:
    """Without a database the tokens of the settings are used as they are: see `with_newest_tokens`."""
    forges = {
        one.key: build(_connection(settings, one.key), limits, observe, _shelf(settings, db, one.key, one.token))
        for one in settings.connections
    }
    try:
        yield Forges(all=forges, is_quiet=is_quiet or silence(settings))
    finally:
        for forge in forges.values():
            await forge.close()


def _shelf(settings: Settings, db: Database | None, key: str, seed: SecretStr) -> ConnectionToken | None:
    if db is None or not seed.get_secret_value():
        return None
    return ConnectionToken(db, settings.master_key_file, connection=key, seed=seed)


async def with_newest_tokens(settings: Settings) -> Settings:
    """For commands that run beside the processes at work: these renew tokens, and the old ones are gone then."""
    if not settings.master_key_file.exists() or not database_is_there(settings):
        return settings
    db = await Database.open(settings.database_url.get_secret_value())
    try:
        await check(db)
        newest: list[ConfiguredConnection] = []
        for one in settings.connections:
            shelf = _shelf(settings, db, one.key, one.token)
            newest.append(one.model_copy(update={"token": await shelf.token()}) if shelf else one)
    finally:
        await db.close()
    return settings.model_copy(update={"connections": tuple(newest)})


def database_is_there(settings: Settings) -> bool:
    """Looking at one that was never started would make it."""
    address = parse_url(settings.database_url.get_secret_value())
    return address.get_backend_name() != "sqlite" or settings.home.joinpath(address.database or "").exists()


def require_database(settings: Settings) -> None:
    """UserError where nothing was ever started; opening the database would make an empty one."""
    if not database_is_there(settings):
        raise UserError(f"Nothing was reviewed in {settings.home} yet. Start `corrigent up`, or name another --home.")


def _connection(settings: Settings, key: str) -> Connection:
    given = next(one for one in settings.connections if one.key == key)
    return Connection(
        key=given.key,
        kind=given.kind,
        api_url=given.api_url,
        web_url=given.web_url,
        app_id=given.app_id,
        private_key=given.private_key,
        token=given.token,
        user_id=given.user_id,
        webhook_secrets=tuple(one for one in (given.webhook_secret, given.old_webhook_secret) if one is not None),
        signing_tokens=tuple(one for one in (given.signing_token, given.old_signing_token) if one is not None),
        hook_url=f"{settings.public_url}/hooks/{key}" if settings.public_url else "",
        hook_group=given.group,
        slug=given.slug,
        ca_file=str(given.ca_file or ""),
        proxy=given.proxy.get_secret_value() if given.proxy else "",
    )


def silence(settings: Settings, repositories: Repositories | None = None) -> IsQuiet:
    """Where nothing is posted: `post = "nowhere"`, for everybody or, where repositories are known, by owner."""

    async def is_quiet(ref: PullRequestRef) -> bool:
        where = settings.post
        if repositories is not None and any(table.post for table in settings.organisations.values()):
            repo = await repositories.get(ref.connection, ref.repo_id)
            table = settings.organisations.get(repo.full_name.partition("/")[0]) if repo else None
            where = (table.post if table else None) or where
        return where == "nowhere"

    return is_quiet


def voices(settings: Settings) -> dict[str, Voice]:
    """How we speak on each connection; `/corrigent` works everywhere and pings nobody."""
    return {
        one.key: Voice(
            mention=COMMAND_PREFIX,
            link_hosts=tuple(host for host in (urlsplit(one.web_url).hostname,) if host),
            public_url=settings.public_url,
            # An analyser's own fix is rare: without a model nothing is promised.
            can_fix=bool(settings.model),
            can_answer=bool(settings.model),
        )
        for one in settings.connections
    }


def open_mirrors(settings: Settings) -> Mirrors:
    return Mirrors(settings.mirrors_folder, protocols=_protocols(settings))


def open_patching(settings: Settings, mirrors: Mirrors) -> Patching:
    return Patching(mirrors, protocols=_protocols(settings))


def _protocols(settings: Settings) -> tuple[str, ...]:
    """Plain http only to a forge on this machine: the demo's."""
    home = all(urlsplit(one.web_url).scheme == "http" for one in settings.connections) and settings.connections
    return ("https", "http") if home else ("https",)


def operator_layers(settings: Settings) -> OperatorLayers:
    """What the operator's file says about reviewing, for everybody and by organisation."""
    organisations = settings.organisations
    return OperatorLayers(
        defaults=settings.defaults,
        locked=settings.locked,
        organisation_defaults={owner: table.defaults for owner, table in organisations.items()},
        organisation_locked={owner: table.locked for owner, table in organisations.items()},
        rules=read_operator_rules(settings.home / "rules"),
    )
