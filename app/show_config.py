"""`corrigent config`: every key of `.corrigent.yaml` with the value in force, who set it, and what was not taken."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import typer

from app.checkouts.config_file import read_config
from app.checkouts.git import Git, network_config
from app.checkouts.mirrors import Wanted
from app.domain.config_layers import config_schema, flattened, in_force
from app.domain.errors import UserError
from app.domain.names import CONFIG_FILE
from app.domain.pull_request import Repo
from app.domain.repo_config import ConfigInForce
from app.forges.base import GitAccess
from app.one_process_limits import OneProcessLimits
from app.settings import Settings, load_settings
from app.wiring import Forges, open_forges, open_mirrors, operator_layers, with_newest_tokens

PROBLEMS = 1


def show_config(repo: str, *, schema: bool, home: Path | None) -> int:
    """1 when something in the file was not taken."""
    if schema:
        typer.echo(json.dumps(config_schema(), indent=2))
        return 0
    settings = load_settings({"home": str(home)} if home else None)
    folder = Path(repo).expanduser()
    if folder.exists():
        file = folder / CONFIG_FILE if folder.is_dir() else folder
        where, data, owner = str(file), file.read_bytes() if file.is_file() else None, ""
    else:
        where, data, owner = asyncio.run(_at_the_forge(settings, repo))
    config = _in_force(settings, data, owner)
    for line in _lines(config, where, there=data is not None):
        typer.echo(line)
    return PROBLEMS if config.problems else 0


def _in_force(settings: Settings, data: bytes | None, owner: str) -> ConfigInForce:
    layers = operator_layers(settings)
    return in_force(
        defaults=layers.defaults,
        organisation=layers.organisation_defaults.get(owner, {}),
        file=read_config(data) if data is not None else None,
        locked={**layers.locked, **layers.organisation_locked.get(owner, {})},
    )


async def _at_the_forge(settings: Settings, full_name: str) -> tuple[str, bytes | None, str]:
    """The file at the tip of the default branch, where it counts."""
    async with open_forges(await with_newest_tokens(settings), OneProcessLimits()) as forges:
        repo = await _find(forges, full_name)
        access = await forges.readers[repo.connection].git_access(repo)
        mirrors = open_mirrors(settings)
        branch = repo.default_branch
        tip = await _tip(access, branch)
        wanted = Wanted(
            head_ref=f"refs/heads/{branch}", head_sha=tip, base_ref=branch, base_sha=tip, default_branch=branch
        )
        fetched = await mirrors.fetch(repo, access, wanted)
        data = await mirrors.read_file(repo, fetched.head_sha, CONFIG_FILE)
    return f"{CONFIG_FILE} of {repo.full_name}, {branch} at {tip[:7]}", data, repo.full_name.partition("/")[0]


async def _find(forges: Forges, full_name: str) -> Repo:
    for reader in forges.readers.values():
        for repo in await reader.repositories():
            if repo.full_name.lower() == full_name.lower():
                return repo
    raise UserError(
        f"{full_name!r} is neither a folder here nor a repository that a connection of ours reaches; "
        "give a path, or OWNER/REPO."
    )


async def _tip(access: GitAccess, branch: str) -> str:
    scheme = access.url.partition("://")[0]
    git = Git(git_dir=Path("/nonexistent"), protocols=(scheme,))
    listed = await git.run("ls-remote", access.url, f"refs/heads/{branch}", config=network_config(access))
    tip = listed.decode().partition("\t")[0]
    if not tip:
        raise UserError(f"{access.url} has no branch {branch!r}; is the repository empty?")
    return tip


def _lines(config: ConfigInForce, where: str, *, there: bool) -> Iterator[str]:
    yield f"{where}{'' if there else ' (not there)'}"
    values = flattened(config.config.model_dump(mode="json"))
    shown = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
    key_width = max(map(len, shown))
    value_width = min(40, max(map(len, shown.values())))
    for key, value in shown.items():
        yield f"  {key:<{key_width}}  {value:<{value_width}}  {config.origins[key]}"
    for problem in config.problems:
        yield f"line {problem.line}: {problem.text}" if problem.line else problem.text
