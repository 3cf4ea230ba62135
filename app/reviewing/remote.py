"""A pull request by its address as something to review: read in somebody's own name, into a folder that goes away."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from app.checkouts.config_file import read_config
from app.checkouts.mirrors import AccessDenied, Fetched, Mirrors, Wanted
from app.checkouts.rule_files import read_rules
from app.checkouts.snapshot import make, materialise
from app.connection_settings import Connection as Configured
from app.domain.errors import ForgeRefused, Gone, UserError
from app.domain.names import CONFIG_FILE
from app.domain.pull_request import PullRequest, PullRequestRef
from app.domain.repo_config import ConfigInForce
from app.domain.rules import rules_for, rules_text
from app.forges.registry import Connection, Forge, build
from app.one_process_limits import OneProcessLimits
from app.output.report import Target
from app.reviewing.address import GITHUB, GITLAB, PullRequestAddress
from app.reviewing.gh_token import gh_token
from app.reviewing.work import Work, config_for
from app.settings import Settings
from reviewers.base import Change

# The key of a connection that stands in no settings.
_KEY = "here"
# The setting with a person's token, and the site it is always meant for.
_GIVEN = {"github": ("github_token", GITHUB), "gitlab": ("gitlab_token", GITLAB)}
_WHAT = {"github": "pull request", "gitlab": "merge request"}


@dataclass(frozen=True, kw_only=True)
class Access:
    """In whose name a site is read."""

    connection: Connection
    # Fits after "read": "with the token of gh".
    how: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RemoteWork:
    """A pull request with its code at hand."""

    work: Work
    pull_request: PullRequest
    forge: Forge
    how: str


async def access_to(address: PullRequestAddress, settings: Settings) -> Access:
    """A token goes only where it was meant for: the public site, a configured host, or the one that gh keeps it for."""
    configured = next((one for one in settings.connections if one.web_url == address.web_url), None)
    given, public = _GIVEN[address.kind]
    secret = settings.gitlab_token if address.kind == "gitlab" else settings.github_token
    notes: tuple[str, ...] = ()
    token, how = "", ""
    if secret is not None:
        name = next((origin for name, _, origin in settings.describe() if name == given), "")
        if configured or address.web_url == public:
            token, how = secret.get_secret_value(), f"with {name}"
        else:
            site = public.partition("://")[2]
            notes = (f"{name} was not sent to {address.host}: it is neither {site} nor a configured connection.",)
    if not token and address.kind == "github":
        token = await gh_token(address.host)
        how = "with the token of `gh`" if token else ""
    return Access(connection=_connection(address, configured, token), how=how or "without a token", notes=notes)


def _connection(address: PullRequestAddress, configured: Configured | None, token: str) -> Connection:
    """Without the App's key or the bot's token: what is done here is done by a person."""
    proxy = configured.proxy if configured else None
    return Connection(
        key=_KEY,
        kind=address.kind,
        api_url=configured.api_url if configured else address.api_url,
        web_url=address.web_url,
        token=SecretStr(token),
        # Where nothing is posted, nothing is looked for as ours.
        user_id=0 if address.kind == "gitlab" else None,
        ca_file=str((configured.ca_file if configured else None) or ""),
        proxy=proxy.get_secret_value() if proxy else "",
    )


@asynccontextmanager
async def remote_work(
    address: PullRequestAddress, settings: Settings, *, in_person: bool = False
) -> AsyncGenerator[RemoteWork]:
    """UserError for what the person can mend: no such pull request, a token that is not accepted."""
    address = address.below(one.web_url for one in settings.connections if one.kind == "gitlab")
    access = await access_to(address, settings)
    connection = access.connection
    if in_person and address.kind == "gitlab":
        with in_words(address, access.how):
            connection = await _as_its_owner(connection)
    forge = build(connection, OneProcessLimits())
    try:
        with in_words(address, access.how), tempfile.TemporaryDirectory(prefix="corrigent-") as folder:
            pull_request = await find_pull_request(forge, address)
            work = await _fetch(Path(folder), forge, pull_request, settings, access.notes)
            yield RemoteWork(work=work, pull_request=pull_request, forge=forge, how=access.how)
    finally:
        await forge.close()


async def _as_its_owner(connection: Connection) -> Connection:
    """Looked at before anything is read: no review is paid for that could not be posted."""
    # Imported here, as the registry does.
    from app.forges.gitlab.access_token import NEEDED_SCOPE, AccessTokens
    from app.forges.gitlab.client import GitLabClient

    if not connection.token.get_secret_value():
        raise UserError(f"--post needs a token of yours with the scope {NEEDED_SCOPE}; set GITLAB_TOKEN.")
    client = GitLabClient(connection, OneProcessLimits())
    try:
        tokens = AccessTokens(client)
        token = await tokens.look()
        if not token.can_work:
            scopes = ", ".join(token.scopes) or "no scope"
            raise UserError(f"--post takes the scope {NEEDED_SCOPE}, and GITLAB_TOKEN has {scopes}; make another one.")
        owner = await tokens.owner()
    finally:
        await client.close()
    return connection.model_copy(update={"user_id": int(owner.user_id), "in_person": True})


@contextmanager
def in_words(address: PullRequestAddress, how: str) -> Generator[None]:
    try:
        yield
    except (Gone, AccessDenied):
        raise UserError(
            f"There is no {_WHAT[address.kind]} {address.number} of {address.full_name!r} on {address.host}, or it is "
            f"hidden from who reads {how}. {_sign_in(address)}."
        ) from None
    except ForgeRefused as refusal:
        if refusal.status != 401:
            raise
        again = " Set another GITHUB_TOKEN, or sign in again with gh." if address.kind == "github" else ""
        raise UserError(
            f"{address.host} does not accept what was read {how} (401).{again} {_sign_in(address)}."
        ) from None


def _sign_in(address: PullRequestAddress) -> str:
    if address.kind == "gitlab":
        return "Set GITLAB_TOKEN to a token of yours with the scopes read_api and read_repository"
    return f"Sign in with: gh auth login --hostname {address.host}"


async def find_pull_request(forge: Forge, address: PullRequestAddress) -> PullRequest:
    repo = await forge.reader.find_repo(address.full_name)
    ref = PullRequestRef(connection=forge.connection.key, repo_id=repo.repo_id, number=address.number)
    return await forge.reader.pull_request(ref)


async def _fetch(
    folder: Path, forge: Forge, pull_request: PullRequest, settings: Settings, notes: tuple[str, ...]
) -> Work:
    plain_http = forge.connection.web_url.startswith("http://")
    mirrors = Mirrors(folder / "mirrors", protocols=("http",) if plain_http else ("https",))
    wanted = Wanted(
        head_ref=pull_request.head_git_ref,
        head_sha=pull_request.head_sha,
        base_ref=pull_request.base_ref,
        base_sha=pull_request.base_sha,
        default_branch=pull_request.repo.default_branch,
    )
    fetched = await mirrors.fetch(pull_request.repo, await forge.reader.git_access(pull_request.repo), wanted)
    config = await _config(mirrors, pull_request, fetched, settings)
    diff = await mirrors.diff(
        pull_request.repo,
        fetched.merge_base_sha,
        fetched.head_sha,
        limits=config.config.limits,
        ignore=config.config.ignore,
    )
    data = await make(mirrors.git(pull_request.repo), fetched.head_tree_id, diff)
    code = folder / "code"
    code.mkdir()
    unpacked = await materialise(data, code)
    problems = (f"{CONFIG_FILE} line {problem.line}: {problem.text}" for problem in config.problems)
    rules = rules_for(config.rules, [file.path for file in diff.reviewable])
    return Work(
        target=_target(pull_request, fetched),
        change=Change(
            diff=diff,
            head_root=unpacked.head_root,
            base_root=unpacked.base_root,
            title=pull_request.title,
            body=pull_request.body,
            rules=rules_text(rules),
            rule_names=tuple(rule.name for rule in rules),
            effort=config.config.effort,
        ),
        config=config,
        notes=(*notes, *problems),
    )


async def _config(mirrors: Mirrors, pull_request: PullRequest, fetched: Fetched, settings: Settings) -> ConfigInForce:
    """At the tip of the default branch: a pull request cannot change its own reviewer."""
    repo, sha = pull_request.repo, fetched.default_sha
    data = await mirrors.read_file(repo, sha, CONFIG_FILE) if sha else None
    file = None if data is None else await asyncio.to_thread(read_config, data)
    rules = await read_rules(mirrors.git(repo), sha) if sha else ()
    return config_for(settings, repo.full_name.partition("/")[0], file, sha if data is not None else "", rules)


def _target(pull_request: PullRequest, fetched: Fetched) -> Target:
    return Target(
        kind="pull_request",
        name=pull_request.repo.full_name,
        base=pull_request.base_ref,
        merge_base_sha=fetched.merge_base_sha,
        head_sha=pull_request.head_sha,
        number=pull_request.ref.number,
        title=pull_request.title,
        url=pull_request.url,
    )
