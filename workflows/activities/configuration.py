"""The configuration in force for a pull request: the file of the default branch between the operator's layers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from app.checkouts.config_file import read_config
from app.checkouts.mirrors import Fetched, Mirrors
from app.checkouts.operator_rules import OperatorRules
from app.checkouts.rule_files import RuleFiles
from app.domain.config_layers import FileRead, in_force
from app.domain.names import CONFIG_FILE
from app.domain.pull_request import PullRequest, Repo
from app.domain.repo_config import ConfigInForce
from app.domain.rules import Rule
from app.store.config_files import ConfigFiles
from app.store.rules import Rules


@dataclass(frozen=True, kw_only=True)
class OperatorLayers:
    """What the operator says, for everybody and by organisation (the owner's name)."""

    defaults: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    locked: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    organisation_defaults: Mapping[str, Mapping[str, JsonValue]] = field(
        default_factory=dict[str, Mapping[str, JsonValue]]
    )
    organisation_locked: Mapping[str, Mapping[str, JsonValue]] = field(
        default_factory=dict[str, Mapping[str, JsonValue]]
    )
    rules: OperatorRules = field(default_factory=OperatorRules)


class Configurations:
    def __init__(
        self, *, mirrors: Mirrors, files: ConfigFiles, rules: Rules, operator: OperatorLayers, reviewed_with: str
    ) -> None:
        self.mirrors = mirrors
        self.rules = rules
        self.rule_files = RuleFiles()
        self.files = files
        self.operator = operator
        # Models and the like: what makes two readings of the same code differ beside the repository's own file.
        self.reviewed_with = reviewed_with

    async def at(self, pull_request: PullRequest, fetched: Fetched) -> ConfigInForce:
        repo = pull_request.repo
        owner = repo.full_name.partition("/")[0]
        operator, file = self.operator, await self._file(repo, fetched.default_sha)
        return in_force(
            defaults=operator.defaults,
            organisation=operator.organisation_defaults.get(owner, {}),
            file=file,
            locked={**operator.locked, **operator.organisation_locked.get(owner, {})},
            read_at_sha=fetched.default_sha if file is not None else "",
            changed_by_pull_request=await self._change(repo, fetched),
            rules=await self._rules(repo, fetched.default_sha),
            reviewed_with=self.reviewed_with,
        )

    async def _rules(self, repo: Repo, default_sha: str) -> tuple[Rule, ...]:
        kept = await self.rule_files.at(self.mirrors.git(repo), repo, default_sha) if default_sha else ()
        learned = await self.rules.active(repo.connection, repo.repo_id)
        given = self.operator.rules.of(repo.full_name.partition("/")[0])
        return (*kept, *(one.as_rule() for one in learned), *given)

    async def _file(self, repo: Repo, default_sha: str) -> FileRead | None:
        data = await self.mirrors.read_file(repo, default_sha, CONFIG_FILE) if default_sha else None
        if data is None:
            return None
        # Half a second for the largest files that are taken at all.
        read = await asyncio.to_thread(read_config, data, last_valid=await self.files.last_valid(repo))
        if not read.broken:
            await self.files.remember(repo, read.values)
        return read

    async def _change(self, repo: Repo, fetched: Fetched) -> str:
        """What the check says of a change of the file by the pull request itself, which has no effect until merged."""
        before = await self.mirrors.read_file(repo, fetched.merge_base_sha, CONFIG_FILE)
        after = await self.mirrors.read_file(repo, fetched.head_sha, CONFIG_FILE)
        if after is None or after == before:
            return ""
        problems = (await asyncio.to_thread(read_config, after)).problems
        return problems[0].text if problems else "valid"
