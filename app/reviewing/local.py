"""The work in a folder as something to review; nothing in it is run or written."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from app.checkouts.config_file import read_config
from app.checkouts.local import LocalRepository, opened
from app.domain.names import CONFIG_FILE
from app.domain.repo_config import ConfigInForce
from app.domain.rules import rules_for, rules_text
from app.output.report import Target
from app.reviewing.work import Work, config_for
from app.settings import Settings
from reviewers.base import Change

# What is read of the working tree's own file, to say that it differs; no honest one is longer.
_LARGEST_CONFIG = 100_000


@asynccontextmanager
async def local_work(path: str, base: str, settings: Settings) -> AsyncGenerator[Work]:
    """UserError when there is no repository or no base; NothingChanged when there is nothing to review."""
    async with opened(Path(path)) as repository:
        config, notes = await _config(repository, base, settings)
        local = await repository.change(base or None, limits=config.config.limits, ignore=config.config.ignore)
        rules = rules_for(config.rules, [file.path for file in local.diff.reviewable])
        yield Work(
            target=Target(kind="local", name=local.branch, base=local.base, merge_base_sha=local.merge_base_sha),
            change=Change(
                diff=local.diff,
                head_root=local.head_root,
                base_root=local.base_root,
                title=f"Work on {local.branch}",
                body="",
                rules=rules_text(rules),
                rule_names=tuple(rule.name for rule in rules),
                effort=config.config.effort,
            ),
            config=config,
            notes=notes,
        )


async def _config(repository: LocalRepository, base: str, settings: Settings) -> tuple[ConfigInForce, tuple[str, ...]]:
    """As the base has it, here as on a forge: a branch, perhaps somebody else's, cannot change its own reviewer."""
    data = await repository.file_at(base or None, CONFIG_FILE)
    file = None if data is None else await asyncio.to_thread(read_config, data)
    config = config_for(settings, "", file, "", await repository.rules_at(base or None))
    notes = [f"{CONFIG_FILE} line {problem.line}: {problem.text}" for problem in config.problems]
    if await asyncio.to_thread(_in_folder, repository.root / CONFIG_FILE) not in {None, data}:
        notes.append(f"{CONFIG_FILE} differs from the base's; the base's is in force until it is merged.")
    return config, tuple(notes)


def _in_folder(file: Path) -> bytes | None:
    if file.is_symlink() or not file.is_file() or file.stat().st_size > _LARGEST_CONFIG:
        return None
    return file.read_bytes()
