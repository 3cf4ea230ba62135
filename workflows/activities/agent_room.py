"""The sandboxes of an agent: provisioned with the code, set up, closed, and let go; no secret and no forge is near."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from temporalio import activity

from app.checkouts.head_archive import head_archive
from app.domain.agents import AgentTask
from app.domain.errors import Refused
from app.sandboxes.base import Backend, Host, Room, SandboxGone, SandboxRef, SandboxSpec, Trust
from app.store.blobs import Blobs
from workflows import timing
from workflows.activities.agent_bases import AgentBases, set_up
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

LARGEST_PATCH = 4_000_000
# The commit in the sandbox that changes are told against; it says nothing about the repository's own history.
_GIT = ("git", "-c", "user.name=head", "-c", "user.email=head@localhost", "-c", "core.hooksPath=/dev/null")
_BASE = "refs/tags/as-it-was"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The backend that passed its probe, or why there is none; a clause."""

    backend: Backend | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Sandboxes:
    """What a process can do about sandboxes. `choose` may run the probe; whoever gives its answer remembers it."""

    choose: Callable[[], Awaitable[Chosen]]
    enter: Callable[[SandboxRef], Room]
    # Which hosts may be reached while the repository's own set-up runs, and folders of programs as (outside, inside).
    setup_hosts: Sequence[Host] = ()
    programs: Sequence[tuple[str, str]] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class MadeByRule:
    """A patch that an analyser made, and the findings it is for."""

    patch: bytes
    numbers: tuple[int, ...]


# None where no analyser knows how to mend what the task is about; leaves the room as it was.
RuleFixes = Callable[[Room, AgentTask], Awaitable[MadeByRule | None]]


class AgentRooms:
    """Safe to repeat: the same purpose of the same round is the same sandbox, and its commands are attached to."""

    def __init__(self, *, blobs: Blobs, sandboxes: Sandboxes, bases: AgentBases, rule_fixes: RuleFixes) -> None:
        self.blobs = blobs
        self.sandboxes = sandboxes
        self.bases = bases
        self.rule_fixes = rule_fixes

    @activity.defn(name="open_room")
    async def open_room(self, wanted: RoomWanted) -> RoomReady:
        chosen = await self.sandboxes.choose()
        if chosen.backend is None:
            return RoomReady(refusal=chosen.reason[:300], no_backend=True)
        task = await self.blobs.get_model(wanted.task_key, AgentTask)
        key = f"{wanted.agent_id}-{wanted.task_key[:12]}-{wanted.purpose}-{wanted.round}"
        try:
            ref, problem = await self._provision(chosen.backend, task, key)
        except Refused as refusal:
            return RoomReady(refusal=str(refusal)[:300], no_backend=True)
        room = self.sandboxes.enter(ref)
        await _remember(room)
        if wanted.workspace_key and not await _restore(room, await self.blobs.get(wanted.workspace_key)):
            problem = problem or "what was changed before does not fit the branch as it is now"
        log.info("room.opened", agent_id=wanted.agent_id, purpose=wanted.purpose, backend=ref.backend)
        return RoomReady(sandbox=ref, problem=problem[:300])

    async def _provision(self, backend: Backend, task: AgentTask, key: str) -> tuple[SandboxRef, str]:
        """With the code as it is on the head and its dependencies, and no network; and what went wrong, if it did.

        Where a base holds the dependencies there never is a network, and nothing of the change runs before the agent.
        """
        spec = self._spec(task)
        code = await head_archive(await self.blobs.get(task.snapshot_key))
        base = await self.bases.ready(backend, spec, task, code)
        ref = await backend.provision(_offline(spec) if base else spec, key, timing.LEASE)
        if base is not None:
            await self.bases.prepared.restore(base, backend, ref)
        await backend.put(ref, code)
        problem = "" if base else await set_up(self.sandboxes.enter(ref), task.setup)
        await backend.close_network(ref)
        return ref, problem

    @activity.defn(name="rule_fix")
    async def rule_fix(self, wanted: FixWanted) -> PatchMade:
        """What an analyser itself knows to mend, without any model."""
        task = await self.blobs.get_model(wanted.task_key, AgentTask)
        made = await self.rule_fixes(self.sandboxes.enter(wanted.sandbox), task)
        if made is None:
            return PatchMade()
        whole = len(made.numbers) == len(task.findings)
        return PatchMade(patch_key=await self.blobs.put(made.patch), numbers=made.numbers, whole=whole)

    @activity.defn(name="take_patch")
    async def take_patch(self, wanted: PatchWanted) -> PatchMade:
        return PatchMade(patch_key=await self._changes(self.sandboxes.enter(wanted.sandbox)))

    @activity.defn(name="leave_room")
    async def leave_room(self, going: RoomGoing) -> RoomKept:
        chosen = await self.sandboxes.choose()
        if chosen.backend is None:
            return RoomKept()
        kept = ""
        if going.keep:
            try:
                kept = await self._changes(self.sandboxes.enter(going.sandbox))
            except SandboxGone:
                log.warning("room.gone", agent_id=going.agent_id)
        await chosen.backend.destroy(going.sandbox)
        return RoomKept(workspace_key=kept)

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

    async def _changes(self, room: Room) -> str:
        """The blob with the change as a patch; empty when nothing is changed, or more than any fix may be."""
        await room.run((*_GIT, "add", "--all"))
        ran = await room.run(
            (
                *_GIT,
                "diff",
                "--cached",
                "--binary",
                "--full-index",
                "--no-color",
                "--no-ext-diff",
                "--no-textconv",
                _BASE,
            ),
            output_bytes=LARGEST_PATCH,
        )
        whole = ran.passed and ran.ended.output_bytes == len(ran.output)
        return await self.blobs.put(ran.output) if whole and ran.output else ""


def _offline(spec: SandboxSpec) -> SandboxSpec:
    return spec.model_copy(update={"setup_hosts": (), "registries": False})


async def _remember(room: Room) -> None:
    """What was there before anybody changed anything, set-up included; a second time changes nothing."""
    script = (
        'git rev-parse --verify --quiet "$1" >/dev/null || { git init --quiet && git add --all && '
        "git commit --quiet --allow-empty --no-verify -m head && git tag as-it-was; }"
    )
    env = {
        "GIT_AUTHOR_NAME": "head",
        "GIT_AUTHOR_EMAIL": "head@localhost",
        "GIT_COMMITTER_NAME": "head",
        "GIT_COMMITTER_EMAIL": "head@localhost",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.hooksPath",
        "GIT_CONFIG_VALUE_0": "/dev/null",
    }
    ran = await room.run(("/bin/sh", "-c", script, "sh", _BASE), env=env)
    if not ran.passed:
        said = ran.output.decode("utf-8", "replace").strip()[-200:]
        raise RuntimeError(f"the head could not be written down in the sandbox: {said or ran.ended.ending}")


async def _restore(room: Room, patch: bytes) -> bool:
    ran = await room.run((*_GIT, "apply", "--whitespace=nowarn", "-"), stdin=patch)
    return ran.passed
