"""Bugs with a fix that somebody offers, right or poisoned, each on its whole way: command, agent, proof, push."""

import asyncio
import hashlib
import json
import shutil
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from app.domain.agents import Agent
from app.domain.fixes import Fix
from app.domain.protected_paths import protected
from app.domain.pull_request import PullRequestRef
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.store.agents import ENDED
from app.wiring import Store
from autofix import patches
from autofix.patches import PatchLine
from tests.autofix import greeting
from tests.autofix.prover_corpus import PROGRAMS, Program, everything
from tests.harness.keys import app_key
from tests.harness.system import Script, System, corrigent
from tests.harness.temporal import TemporalServer
from tests.journeys.fixing import AGREES, call, finish

# A review, a conversation, two sandboxes and each check several times, on a machine that others use as well.
PATIENCE = 300.0
_BRANCH = "change"
_BY_HAND: Mapping[str, str] = {
    "adds a submodule": "git init -q lib && git -C lib -c user.name=a -c user.email=a@b commit -q --allow-empty -m lib",
    # Its repository has one already.
    "configures its own review": "echo 'autofix: commit' >> .corrigent.yaml",
    "adds a binary": r"printf '\000\001\002' > logo.png",
}


@dataclass(frozen=True)
class Seed:
    """A pull request with a bug in it, and what an agent offers as its fix."""

    name: str
    files: Mapping[str, bytes]
    checks: Sequence[str]
    path: str
    # Lines one after the other, which they no longer are when it is mended: nobody finds it any more.
    quote: str
    patch: bytes
    command: str
    poisoned: bool = False
    # What the agent does besides, where a patch cannot say it so that git does it.
    by_hand: str = ""

    @property
    def title(self) -> str:
        return f"{self.name} goes wrong"

    def answer(self) -> dict[str, JsonValue]:
        """What a reviewer says while the bug is there."""
        finding: dict[str, JsonValue] = {
            "path": self.path,
            "quote": self.quote,
            "line": 1,
            "severity": "high",
            "category": "correctness",
            "title": self.title,
            "body": f"The result of {self.path} is wrong for some inputs.",
        }
        return {"when": [self.title, *(f"{line}\n" for line in self.quote.splitlines())], "findings": [finding]}

    def agent(self) -> dict[str, JsonValue]:
        """An agent that offers the patch and says that it mends the finding."""
        command = f"git apply --whitespace=nowarn - <<'THE_PATCH'\n{self.patch.decode()}THE_PATCH\n{self.by_hand}"
        steps = [call("run", command=command), finish("It is right now.", 1, self.command)]
        return {"when": [self.title], "steps": steps}


@dataclass(frozen=True)
class Passed:
    """How far an offer came."""

    seed: Seed
    agent: Agent
    fix: Fix | None
    # Branches that are others than before the command, by name, and the files that the new commits change.
    moved: Sequence[str]
    paths: Sequence[str]
    evidence_is_whole: bool
    seconds: float

    @property
    def proposed(self) -> bool:
        """Whether the agent came to an end with a change."""
        return self.fix is not None

    @property
    def applies(self) -> bool:
        """Whether the change could be read and policy let it be tried."""
        return self.fix is not None and self.fix.patch is not None

    @property
    def proved(self) -> bool:
        return self.fix is not None and self.fix.proof.grade == "proved"

    @property
    def pushed(self) -> bool:
        return bool(self.moved)

    @property
    def only_its_branch(self) -> bool:
        return list(self.moved) == [f"refs/heads/{_BRANCH}"]

    @property
    def touched_protected(self) -> bool:
        return any(protected(path) for path in self.paths)

    @property
    def reason(self) -> str:
        """Why it was not pushed."""
        if self.fix is None:
            return self.agent.ending
        proof = self.fix.proof
        return f"{proof.failed_step or proof.grade}: {proof.reason}" if proof.grade != "proved" else self.agent.ending


def seeded() -> list[Seed]:
    """Those that this machine can run."""
    return [_seed(program) for program in everything() if shutil.which(PROGRAMS[program.language])]


def poisoned() -> list[Seed]:
    return [
        Seed(
            name=f"poison {name}",
            files=greeting.FILES,
            checks=greeting.CHECKS,
            path="greet.sh",
            quote='greet() {\n  echo "Hello $1"',
            patch=greeting.GOOD if name in _BY_HAND else patch,
            command="sh tests/new_test.sh",
            poisoned=True,
            by_hand=_BY_HAND.get(name, ""),
        )
        for name, patch in greeting.POISONED.items()
    ]


def _seed(program: Program) -> Seed:
    own = next(file for file in patches.parse(program.right.patch).files if file.path == program.product)
    return Seed(
        name=program.label,
        files=program.files,
        checks=program.checks,
        path=program.product,
        quote=_bug(own.hunks[0].lines),
        patch=program.right.patch,
        command=program.reproduction,
    )


def _bug(lines: Sequence[PatchLine]) -> str:
    """The old lines around the first change: with the fix they stand nowhere one after the other."""
    first = next(at for at, line in enumerate(lines) if line.kind != "context")
    behind = next((at for at in range(first, len(lines)) if lines[at].kind == "context"), len(lines))
    return "".join(line.text for line in lines[max(0, first - 1) : behind + 1] if line.kind != "added")


@dataclass(frozen=True)
class Way:
    """One running Corrigent, through which offers are sent, several at once; each in a repository of its own."""

    forge: FakeForge
    repos: Mapping[str, FakeRepo]
    system: System

    @property
    def _store(self) -> Store:
        return self.system.running.store

    async def send(self, seed: Seed) -> Passed:
        repo = self.repos[seed.name]
        pull_request = await repo.open_pull_request(title=seed.title, branch=_BRANCH, changes=seed.files)
        head = pull_request.head_sha
        await self.forge.wait_until(
            lambda: [check for check in pull_request.checks_of(head) if check.conclusion], timeout=PATIENCE
        )
        before = await repo.repository.git.refs()
        began = time.monotonic()
        pull_request.comment("/corrigent apply 1")
        agent = await self._ended(repo, pull_request)
        return await self._passed(seed, repo, agent, before, time.monotonic() - began)

    async def _ended(self, repo: FakeRepo, pull_request: FakePullRequest) -> Agent:
        ref = PullRequestRef(connection="github", repo_id=repo.repo_id, number=pull_request.number)
        async with asyncio.timeout(PATIENCE):
            while not (ended := [one for one in await self._store.agents.of(ref) if one.state in ENDED]):
                await asyncio.sleep(0.1)
        return ended[0]

    async def _passed(
        self, seed: Seed, repo: FakeRepo, agent: Agent, before: Mapping[str, str], seconds: float
    ) -> Passed:
        fix = await self._store.blobs.get_model(agent.fix_key, Fix) if agent.fix_key else None
        after = await repo.repository.git.refs()
        moved = [name for name, sha in after.items() if before.get(name) != sha]
        head = before[f"refs/heads/{_BRANCH}"]
        changes = [await repo.repository.git.diff(head, after[name]) for name in moved]
        return Passed(
            seed=seed,
            agent=agent,
            fix=fix,
            moved=moved,
            paths=[file.path for change in changes for file in change.files],
            evidence_is_whole=fix is not None and await self._is_whole(fix),
            seconds=seconds,
        )

    async def _is_whole(self, fix: Fix) -> bool:
        """Whether all that a proof names is there, byte by byte: its manifest, its recording, a log of each command."""
        for file in fix.proof.evidence:
            if hashlib.sha256(await self._store.blobs.get(file.blob_key)).hexdigest() != file.sha256:
                return False
        wanted = {"manifest.json", "terminal.cast", *(command.log for command in fix.proof.commands)}
        return bool(fix.proof.comparisons) and wanted <= {file.name for file in fix.proof.evidence}


@asynccontextmanager
async def way(
    temporal: TemporalServer, folder: Path, seeds: Sequence[Seed], *, installations: int = 1
) -> AsyncGenerator[Way]:
    """The seeds' repositories, in turn over so many installations of one App."""

    def prepare(script: Script) -> None:
        script.answers += [AGREES, *(seed.answer() for seed in seeds)]
        script.agents += [seed.agent() for seed in seeds]
        script.write()

    async with FakeForge.start(key=app_key()) as forge:
        repos = [await _repo(forge, f"owner-{at % installations}/program-{at}", seed) for at, seed in enumerate(seeds)]
        credentials = await forge.install_app(repos=repos[::installations], permissions=FIX_PERMISSIONS)
        for owner in range(1, min(installations, len(seeds))):
            forge.install_also(credentials.app_id, f"owner-{owner}", repos[owner::installations])
        async with corrigent(forge, credentials, temporal, folder / "home", prepare=prepare) as system:
            yield Way(forge, {seed.name: repo for seed, repo in zip(seeds, repos, strict=True)}, system)


async def _repo(forge: FakeForge, name: str, seed: Seed) -> FakeRepo:
    files = {"README.md": f"# {seed.name}\n", ".corrigent.yaml": f"checks: {json.dumps(list(seed.checks))}\n"}
    return await forge.create_repo(name, files=files)
