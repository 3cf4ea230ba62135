"""A sandbox before its agent comes in: the code, what set-up installs, and then no network; for members and outsiders."""

import shlex
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zstandard
from pydantic import JsonValue

from app.checkouts import tar
from app.domain.agents import AgentTask
from app.domain.pull_request import PullRequestRef
from app.sandbox_making import REAP_EVERY, OwnSandboxes, bases_of, hosts_of, means_of
from app.sandboxes.base import Room, SandboxGone
from app.sandboxes.bubblewrap_arguments import LEASE_GRACE
from app.sandboxes.leases import BETWEEN_STEPS
from app.sandboxes.records import Records
from app.sandboxes.registry import bubblewrap
from app.settings import Settings, load_settings
from app.store.blobs import Blobs
from app.wiring import utc_now
from tests.autofix.rooms import need
from tests.harness.memory import below, held
from tests.sandboxes.egress_world import Internet, certificates, server
from workflows.activities.agent_room import AgentRooms, Chosen
from workflows.agent_messages import RoomGoing, RoomReady, RoomWanted

CREDENTIAL = "Bearer canary-8f2b6c01d9"
FETCH = """\
import pathlib, sys, urllib.request
pathlib.Path(sys.argv[2]).write_bytes(urllib.request.urlopen(sys.argv[1], timeout=20).read())
"""
CODE = {"shop.py": "price = 1\n", "requirements.txt": "one\n", "fetch.py": FETCH}


def fetching(url: str, into: str = "installed.txt") -> str:
    # The servers here are on loopback, where programs go without the proxy unless they are told not to.
    return f"env -u no_proxy -u NO_PROXY python3 fetch.py {shlex.quote(url)} {into}"


def snapshot(files: Mapping[str, str]) -> bytes:
    members = (tar.member(f"head/{name}".encode(), text.encode()) for name, text in files.items())
    return zstandard.compress(b"".join((*members, tar.end())))


@dataclass
class Rooms:
    """The product's own parts, as the sandbox worker has them."""

    settings: Settings
    blobs: Blobs
    opened: list[RoomReady] = field(default_factory=list[RoomReady])
    # The newest room's.
    task_key: str = ""

    def __post_init__(self) -> None:
        means = means_of(self.settings)
        backend = bubblewrap(means)

        async def choose() -> Chosen:
            # Its probe takes seconds and has tests of its own.
            return Chosen(backend=backend)

        self.sandboxes = OwnSandboxes((backend.name,), means, clock=utc_now, setup_hosts=hosts_of(self.settings))
        self.activities = AgentRooms(
            blobs=self.blobs,
            sandboxes=replace(self.sandboxes.parts(), choose=choose),
            bases=bases_of(self.settings, self.blobs),
            rule_fixes=_none,
        )

    async def open(
        self, *setup: str, code: Mapping[str, str] = CODE, by_member: bool = True, workspace_key: str = ""
    ) -> RoomReady:
        task = AgentTask(
            agent_id=f"A{len(self.opened)}",
            ref=PullRequestRef(connection="github", repo_id="1001", number=12),
            repo_name="acme/shop",
            kind="fix",
            title="Prices",
            head_sha="1" * 40,
            merge_base_sha="0" * 40,
            setup=setup,
            by_member=by_member,
            snapshot_key=await self.blobs.put(snapshot(code)),
            default_snapshot_key=await self.blobs.put(snapshot(CODE)),
        )
        task_key = await self.blobs.put_model(task)
        self.task_key = task_key
        wanted = RoomWanted(agent_id=task.agent_id, task_key=task_key, purpose="work", workspace_key=workspace_key)
        ready = await self.activities.open_room(wanted)
        self.opened.append(ready)
        return ready

    def room(self, ready: RoomReady) -> Room:
        assert ready.sandbox is not None, ready.refusal
        return self.sandboxes.enter(ready.sandbox)

    async def leave(self, ready: RoomReady) -> str:
        """The key of what was kept of it."""
        assert ready.sandbox is not None, ready.refusal
        going = RoomGoing(agent_id="A", sandbox=ready.sandbox, keep=True, task_key=self.task_key)
        return (await self.activities.leave_room(going)).workspace_key

    async def read(self, ready: RoomReady, *names: str) -> list[str]:
        files = await self.room(ready).read(names)
        return [files.get(name, b"(none)").decode() for name in names]


async def _none(*_: object) -> None:
    return None


@asynccontextmanager
async def rooms(home: Path, **settings: JsonValue) -> AsyncGenerator[Rooms]:
    need("bwrap")
    made = Rooms(load_settings({"home": str(home), **settings}, environ={}), Blobs(f"file://{home / 'blobs'}"))
    try:
        yield made
    finally:
        await made.sandboxes.reap(datetime.max.replace(tzinfo=UTC))


@pytest.fixture
def internet(tmp_path: Path) -> Internet:
    return Internet(tmp_path)


async def test_setup_reaches_what_the_operator_lists_and_the_next_change_starts_from_what_it_installed(
    tmp_path: Path, internet: Internet
) -> None:
    async with server(internet.echo) as port:
        url = f"http://localhost:{port}/one"
        lists: dict[str, JsonValue] = {
            "setup_hosts": [f"localhost:{port}"],
            "internal_hosts": {"localhost": ["127.0.0.1/32"]},
        }
        async with rooms(tmp_path, **lists) as made:
            first = await made.open(fetching(url))
            assert (first.problem, await made.read(first, "installed.txt")) == ("", ["hello"])
            refused = await made.room(first).run(("sh", "-c", fetching(url, "again.txt")))
            assert not refused.passed
            assert len(internet.requests) == 1

            # The same dependencies, also in another process: nothing is fetched, and the code is this change's.
            again = Rooms(made.settings, made.blobs)
            second = await again.open(fetching(url), code={**CODE, "shop.py": "price = 2\n"})
            assert await again.read(second, "installed.txt", "shop.py") == ["hello", "price = 2\n"]
            assert len(internet.requests) == 1

            # Others, and an outsider's: each is installed anew, and where it changes nothing for the default branch.
            for code, by_member in (({**CODE, "requirements.txt": "two\n"}, True), (CODE, False)):
                other = await made.open(fetching(url), code=code, by_member=by_member)
                assert await made.read(other, "installed.txt") == ["hello"]
            assert len(internet.requests) == 3


async def test_without_a_list_setup_reaches_nothing_and_says_so(tmp_path: Path, internet: Internet) -> None:
    async with server(internet.echo) as port, rooms(tmp_path) as made:
        ready = await made.open(fetching(f"http://localhost:{port}/one"))
        assert ready.problem.startswith("the set-up command 'env -u no_proxy")
        assert await made.read(ready, "shop.py") == ["price = 1\n"]
    assert internet.requests == []


@pytest.mark.parametrize("by_member", [True, False], ids=["member", "outsider"])
async def test_a_registry_s_credential_is_added_outside_and_for_members_alone(
    tmp_path: Path, internet: Internet, by_member: bool
) -> None:
    async with server(internet.echo, certificates(tmp_path).server) as port:
        registry: dict[str, JsonValue] = {
            "name": "localhost",
            "port": port,
            "path": "/simple/",
            "authorization": CREDENTIAL,
        }
        known: dict[str, JsonValue] = {
            "internal_hosts": {"localhost": ["127.0.0.1/32"]},
            "registries_ca_file": str(tmp_path / "ca.pem"),
        }
        async with rooms(tmp_path, registries=[registry], **known) as made:
            # Other dependencies than the default branch's, so that the set-up runs in this very sandbox.
            ready = await made.open(
                fetching("http://localhost/simple/one"),
                "sleep 600 >/dev/null 2>&1 &",
                code={**CODE, "requirements.txt": "two\n"},
                by_member=by_member,
            )
            assert await made.read(ready, "installed.txt") == (["hello"] if by_member else ["(none)"])
            assert [CREDENTIAL.encode() in request for request in internet.requests] == [True] * by_member
            assert [said for said in made.settings.secret_values() if said in CREDENTIAL] == [CREDENTIAL]
            looked = await made.room(ready).run(
                ("sh", "-c", "env; cat /proc/[0-9]*/environ; grep -ra canary /work /tmp /run")
            )
            assert b"canary" not in looked.output
            assert ready.sandbox is not None
            record = Records(made.settings.home / "sandboxes" / "bubblewrap").read(ready.sandbox.sandbox_id)
            assert record is not None
            assert record.pid
            processes = below(record.pid)
            # The search finds what is there, …
            assert held(processes[0], ("supervisor",)) == ["supervisor"]
            assert [held(process, (CREDENTIAL, "canary-8f2b")) for process in processes] == [[]] * len(processes)


async def test_a_sandbox_is_gone_within_a_minute_of_whoever_worked_in_it(tmp_path: Path) -> None:
    async with rooms(tmp_path) as made:
        ready = await made.open()
        assert ready.sandbox is not None
        records = Records(made.settings.home / "sandboxes" / "bubblewrap")

        def lives() -> timedelta:
            assert ready.sandbox is not None
            record = records.read(ready.sandbox.sandbox_id)
            assert record is not None
            return record.lease_until - utc_now()

        # Between two steps it waits for the next one, …
        assert timedelta(minutes=1) < lives() <= BETWEEN_STEPS
        async with made.sandboxes.parts().at_work(ready.sandbox) as room:
            assert (await room.run(("true",))).passed
            # … and while somebody works in it, it is that one's.
            died = lives()
            assert died + LEASE_GRACE + REAP_EVERY < timedelta(minutes=1)
            await made.sandboxes.reap(utc_now() + died)
            with pytest.raises(SandboxGone):
                await room.run(("true",))
        assert records.ids() == []


async def test_what_an_agent_changed_is_put_back_and_what_is_there_already_is_fine(tmp_path: Path) -> None:
    async with rooms(tmp_path) as made:
        first = await made.open()
        await made.room(first).write({"shop.py": b"price = 2\n", "new.py": b"new = 1\n"})
        assert first.sandbox is not None
        kept = await made.activities.leave_room(RoomGoing(agent_id="A0", sandbox=first.sandbox, keep=True))
        assert kept.workspace_key
        second = await made.open(workspace_key=kept.workspace_key)
        assert await made.read(second, "shop.py", "new.py") == ["price = 2\n", "new = 1\n"]
        # Delivered meanwhile: the branch has it.
        merged = {**CODE, "shop.py": "price = 2\n", "new.py": "new = 1\n"}
        assert (await made.open(code=merged, workspace_key=kept.workspace_key)).problem == ""
        other = await made.open(code={**CODE, "shop.py": "price = 3\n"}, workspace_key=kept.workspace_key)
        assert other.problem == "what was changed before does not fit the branch as it is now"
