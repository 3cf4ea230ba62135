"""What a repository's set-up installs: kept from its default branch where a change declares the same dependencies, made
in the sandbox itself where it declares others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.checkouts.head_archive import head_archive
from app.domain.agents import AgentTask
from app.sandboxes.base import Backend, NotDone, Room, SandboxSpec
from app.sandboxes.prepared import BaseKey, PreparedBases, declared_by
from app.store.blobs import Blobs

log = structlog.get_logger()

# How long may one command of the repository's set-up take?
SETUP_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class AgentBases:
    """`programs` stands for what can be run inside: a base is of no use where that is something else."""

    blobs: Blobs
    prepared: PreparedBases
    programs: str

    async def ready(self, backend: Backend, spec: SandboxSpec, task: AgentTask, code: bytes) -> BaseKey | None:
        """A base that fits, made now if this is the first who needs it; None where the set-up has to run."""
        if not task.setup or not task.default_snapshot_key:
            return None
        key = BaseKey(
            repository=f"{task.ref.connection}/{task.ref.repo_id}",
            trust=spec.trust,
            programs=f"{backend.name} {self.programs}",
            declared=declared_by(code),
            setup=task.setup,
        )
        default_branch = await head_archive(await self.blobs.get(task.default_snapshot_key))
        if declared_by(default_branch) != key.declared:
            return None

        async def prepare(room: Room) -> str:
            return await set_up(room, task.setup)

        try:
            outcome = await self.prepared.ensure(key, backend, spec, default_branch, prepare)
        except NotDone as error:
            log.warning("base.not_built", repo=task.repo_name, error=str(error)[:200])
            return None
        log.info("base.ready", repo=task.repo_name, outcome=outcome)
        return key if await self.prepared.has(key) else None


async def set_up(room: Room, commands: Sequence[str]) -> str:
    """The repository's own commands, of its default branch's configuration; the first that failed, as a phrase."""
    for number, command in enumerate(commands, start=1):
        ran = await room.run(("/bin/sh", "-c", command), exec_id=f"setup-{number}", within=SETUP_WITHIN)
        if not ran.passed:
            how = f"exit code {ran.ended.exit_code}" if ran.ended.ending == "exited" else ran.ended.ending
            return f"the set-up command {command[:100]!r} failed ({how})"
    return ""
