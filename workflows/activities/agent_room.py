"""The sandboxes of an agent: provisioned with the code, set up, closed, and let go; no secret and no forge is near."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog
from temporalio import activity

from app.checkouts.head_archive import head_archive
from app.domain.agents import AgentTask
from app.domain.errors import Refused
from app.sandboxes.base import Backend, Host, Room, SandboxGone, SandboxRef, SandboxSpec, Trust
from app.sandboxes.kept_files import MAX_BYTES
from app.sandboxes.leases import LEASE, leased
from app.sandboxes.prepared import declaration
from app.store.blobs import Blobs
from workflows.activities.agent_bases import AgentBases, set_up
from workflows.activities.agent_workspace import Workspace, changes, keep, load, remember, restore
from workflows.agent_messages import (
    FixWanted,
    PatchMade,
    PatchWanted,
    RoomGoing,
    RoomKept,
    RoomReady,
    RoomWanted,
)

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The backend that passed its probe, or why there is none; a clause."""

    backend: Backend | None = None
    reason: str = ""


# A sandbox for as long as somebody works in it.
Enter = Callable[[SandboxRef], AbstractAsyncContextManager[Room]]


@dataclass(frozen=True, kw_only=True)
class Sandboxes:
    """What a process can do about sandboxes. `choose` may run the probe; whoever gives its answer remembers it."""

    choose: Callable[[], Awaitable[Chosen]]
    enter: Callable[[SandboxRef], Room]
    renew: Callable[[SandboxRef, timedelta], Awaitable[None]]
    # Which hosts may be reached while the repository's own set-up runs, and folders of programs as (outside, inside).
    setup_hosts: Sequence[Host] = ()
    # The same sandbox as other machines find it, and this one's name among them; none where there is no gateway.
    seen_from_afar: Callable[[SandboxRef], SandboxRef] = lambda ref: ref
    host: str = ""
    programs: Sequence[tuple[str, str]] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    @asynccontextmanager
    async def at_work(self, ref: SandboxRef) -> AsyncGenerator[Room]:
        """In it, and its lease renewed: whoever dies here leaves nothing for long."""
        async with leased(partial(self.renew, ref)):
            yield self.enter(ref)


@dataclass(frozen=True, kw_only=True)
class MadeByRule:
    """A patch that an analyser made, and the findings it is for."""

    patch: bytes
    numbers: tuple[int, ...]


# None where no analyser knows how to mend what the task is about; leaves the room as it was.
RuleFixes = Callable[[Room, AgentTask], Awaitable[MadeByRule | None]]


@dataclass(frozen=True)
class _Made:
    """A sandbox with the code in it, what went wrong with its set-up, and whether it lacks an earlier one's files."""

    ref: SandboxRef
    problem: str
    without_files: bool


class AgentRooms:
    """Safe to repeat: the same purpose of the same round is the same sandbox, and its commands are attached to."""

    def __init__(
        self,
        *,
        blobs: Blobs,
        sandboxes: Sandboxes,
        bases: AgentBases,
        rule_fixes: RuleFixes,
        keeps_bytes: int = MAX_BYTES,
    ) -> None:
        self.blobs = blobs
        self.sandboxes = sandboxes
        self.bases = bases
        self.rule_fixes = rule_fixes
        # Of what one sandbox has installed or built.
        self.keeps_bytes = keeps_bytes

    @activity.defn(name="open_room")
    async def open_room(self, wanted: RoomWanted) -> RoomReady:
        chosen = await self.sandboxes.choose()
        if chosen.backend is None:
            return RoomReady(refusal=chosen.reason[:300], no_backend=True)
        task = await self.blobs.get_model(wanted.task_key, AgentTask)
        key = f"{wanted.agent_id}-{wanted.task_key[:12]}-{wanted.purpose}-{wanted.round}"
        workspace = await load(self.blobs, wanted.workspace_key)
        try:
            made = await self._provision(chosen.backend, task, key, workspace)
        except Refused as refusal:
            return RoomReady(refusal=str(refusal)[:300], no_backend=True)
        problem = made.problem
        async with self.sandboxes.at_work(made.ref) as room:
            await remember(room)
            patch = await self.blobs.get(workspace.patch_key) if workspace.patch_key else b""
            if patch and not await restore(room, patch):
                problem = problem or "what was changed before does not fit the branch as it is now"
        log.info("room.opened", agent_id=wanted.agent_id, purpose=wanted.purpose, backend=made.ref.backend)
        return RoomReady(
            sandbox=self.sandboxes.seen_from_afar(made.ref), problem=problem[:300], without_files=made.without_files
        )

    async def _provision(self, backend: Backend, task: AgentTask, key: str, workspace: Workspace) -> "_Made":
        """With the code as it is on the head and its dependencies, and no network.

        Where a base or an earlier sandbox's files hold them there never is a network, and nothing of the change runs
        before the agent.
        """
        spec = self._spec(task)
        code = await head_archive(await self.blobs.get(task.snapshot_key))
        files = await self._files(workspace, code)
        whole = bool(files) and workspace.files == "all"
        base = None if whole else await self.bases.ready(backend, spec, task, code)
        ref = await backend.provision(_offline(spec) if base or whole else spec, key, LEASE)
        async with self.sandboxes.at_work(ref) as room:
            if base is not None:
                await self.bases.prepared.restore(base, backend, ref)
            if whole:
                await backend.put(ref, files, "/")
            # What is in both is the code's.
            await backend.put(ref, code)
            problem = "" if base or whole else await set_up(room, task.setup)
            if files and not whole:
                await backend.put(ref, files, "/")
            await backend.close_network(ref)
        return _Made(ref, problem, workspace.left_out or bool(workspace.files_key and not files))

    async def _files(self, workspace: Workspace, code: bytes) -> bytes:
        """Those of the earlier sandbox, where the code still declares what they were installed for."""
        if not workspace.files_key or workspace.declared != declaration(code):
            return b""
        try:
            return await self.blobs.get(workspace.files_key)
        except (FileNotFoundError, ValueError):
            return b""

    @activity.defn(name="rule_fix")
    async def rule_fix(self, wanted: FixWanted) -> PatchMade:
        """What an analyser itself knows to mend, without any model."""
        task = await self.blobs.get_model(wanted.task_key, AgentTask)
        async with self.sandboxes.at_work(wanted.sandbox) as room:
            made = await self.rule_fixes(room, task)
        if made is None:
            return PatchMade()
        whole = len(made.numbers) == len(task.findings)
        return PatchMade(patch_key=await self.blobs.put(made.patch), numbers=made.numbers, whole=whole)

    @activity.defn(name="take_patch")
    async def take_patch(self, wanted: PatchWanted) -> PatchMade:
        async with self.sandboxes.at_work(wanted.sandbox) as room:
            return PatchMade(patch_key=await changes(room, self.blobs))

    @activity.defn(name="leave_room")
    async def leave_room(self, going: RoomGoing) -> RoomKept:
        chosen = await self.sandboxes.choose()
        if chosen.backend is None:
            return RoomKept()
        kept = ""
        if going.keep:
            try:
                kept = await self._keep(chosen.backend, going)
            except SandboxGone:
                log.warning("room.gone", agent_id=going.agent_id)
        await chosen.backend.destroy(going.sandbox)
        return RoomKept(workspace_key=kept)

    async def _keep(self, backend: Backend, going: RoomGoing) -> str:
        async with self.sandboxes.at_work(going.sandbox) as room:
            if not going.task_key:
                return await changes(room, self.blobs)
            task = await self.blobs.get_model(going.task_key, AgentTask)
            declared = declaration(await head_archive(await self.blobs.get(task.snapshot_key)))
            return await keep(backend, going.sandbox, room, self.blobs, declared=declared, max_bytes=self.keeps_bytes)

    def _spec(self, task: AgentTask) -> SandboxSpec:
        trust: Trust = "member" if task.by_member else "outsider"
        return SandboxSpec(
            trust=trust,
            setup_hosts=tuple(self.sandboxes.setup_hosts) if task.setup else (),
            registries=bool(task.setup),
            env=dict(self.sandboxes.env),
            programs=tuple(self.sandboxes.programs),
            labels={"agent_id": task.agent_id},
        )


def _offline(spec: SandboxSpec) -> SandboxSpec:
    return spec.model_copy(update={"setup_hosts": (), "registries": False})
