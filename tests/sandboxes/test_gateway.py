"""Work in a sandbox of another machine: what comes through the gateway, what does not, and what survives its restart."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.errors import UserError
from app.sandboxes.base import Access, NotDone, SandboxGone, SandboxRef, TooLarge
from app.sandboxes.bubblewrap import Bubblewrap
from app.sandboxes.gateway import GREETING, Gateway
from app.sandboxes.gateway_tokens import tokens_of
from app.sandboxes.gateway_trust import AUTHORITY, CERTIFICATE, KEY, Papers, Renewed, serving_renewed
from app.sandboxes.gateway_ways import GatewayWays
from app.sandboxes.inside.frames import SIZES, Header, pack
from app.sandboxes.records import Records
from app.sandboxes.room import SandboxRoom
from app.setup.gateway import setup_gateway
from app.setup.gateway_certificates import issue

MACHINE = "127.0.0.1"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Trust:
    """An authority and what it issued."""

    folder: Path

    @property
    def tokens(self) -> Path:
        return self.folder / "sandboxes"

    def of(self, name: str, *, now: datetime | None = None) -> Papers:
        folder = self.folder / f"{name}-{now or ''}"
        issue(self.folder / "authority", folder, name, now=now)
        return Papers(folder)


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    return Trust(tmp_path / "ours")


@pytest.fixture
def gateway(trust: Trust, backend: Bubblewrap) -> Gateway:
    return gateway_of(backend, trust, trust.of(MACHINE))


def gateway_of(backend: Bubblewrap, trust: Trust, papers: Papers) -> Gateway:
    def access(name: str) -> Access:
        if name != backend.name:
            raise SandboxGone(f"no {name} here")
        return backend

    return Gateway(access=access, token=tokens_of(trust.tokens), tls=serving_renewed(papers))


@asynccontextmanager
async def through(gateway: Gateway, trust: Trust, ref: SandboxRef) -> AsyncGenerator[tuple[GatewayWays, SandboxRef]]:
    """The ways of a worker elsewhere, and that sandbox as it knows it."""
    async with gateway.open(MACHINE, 0) as port:
        yield ways(trust.of("llm")), afar(trust, ref, port)


def ways(papers: Papers, patience: float = 0.0) -> GatewayWays:
    return GatewayWays(Renewed(papers, papers.asking), patience=timedelta(seconds=patience))


def afar(trust: Trust, ref: SandboxRef, port: int) -> SandboxRef:
    return ref.model_copy(update={"host": f"{MACHINE}:{port}", "token": tokens_of(trust.tokens)(ref)})


async def test_a_room_behind_a_gateway_is_a_room(
    gateway: Gateway, trust: Trust, room: SandboxRoom, sandboxes: Path
) -> None:
    async with through(gateway, trust, room.ref) as (ways, ref):
        far, heard = SandboxRoom(ways, ref), list[bytes]()
        await far.write({"far/said.py": b"import sys; print(sys.stdin.read() * 2)"})
        ran = await far.run(("python3", "far/said.py"), stdin=b"hello ", env={"A": "1"}, watch=heard.append)
        assert (ran.passed, ran.output, b"".join(heard)) == (True, b"hello hello \n", b"hello hello \n")
        assert await far.read(["far/said.py"]) == await room.read(["far/said.py"])
        assert (await far.run(("sh", "-c", "exit 7"))).ended.exit_code == 7
        with pytest.raises(TooLarge):
            await far.read(["far/said.py"], max_bytes=10)
        with pytest.raises(NotDone):
            await ways.put(ref, b"no tar at all", "/work")
        await ways.renew(ref, timedelta(minutes=7))
        record = Records(sandboxes).read(ref.sandbox_id)
        assert record is not None
        assert record.lease_until > datetime.now(UTC) + timedelta(minutes=6)


async def test_a_command_that_is_told_to_end_ends(gateway: Gateway, trust: Trust, room: SandboxRoom) -> None:
    async with through(gateway, trust, room.ref) as (ways, ref):
        running = asyncio.create_task(SandboxRoom(ways, ref).run(("sleep", "600"), exec_id="sleeps"))
        async with asyncio.timeout(30):
            while b"sleep" not in (await room.run(("sh", "-c", "cat /proc/[0-9]*/comm"))).output.split():
                assert not running.done(), running.result()
                await asyncio.sleep(0.05)
        await ways.kill(ref, "sleeps")
        assert (await asyncio.wait_for(running, 30)).ended.ending == "signalled"


async def test_a_gateway_that_starts_anew_is_waited_for_and_nothing_runs_twice(
    gateway: Gateway, trust: Trust, backend: Bubblewrap, room: SandboxRoom
) -> None:
    """The second is another object with the same key, as after a kill."""
    told = asyncio.Event()

    def watch(data: bytes) -> None:
        if b"line 3" in data:
            told.set()

    script = "echo once >> ran; for n in 1 2 3; do echo line $n; done; while [ ! -e go ]; do sleep 0.05; done; echo end"
    async with gateway.open(MACHINE, 0) as port:
        far = SandboxRoom(ways(trust.of("llm"), patience=60), afar(trust, room.ref, port))
        running = asyncio.create_task(far.run(("sh", "-c", script), watch=watch))
        await asyncio.wait_for(told.wait(), 30)
    waiting = asyncio.create_task(far.read(["ran"]))
    async with gateway_of(backend, trust, Papers(trust.folder / f"{MACHINE}-")).open(MACHINE, port):
        assert await asyncio.wait_for(waiting, 30) == {"ran": b"once\n"}
        await room.write({"go": b""})
        ran = await asyncio.wait_for(running, 30)
    assert (ran.passed, ran.output) == (True, b"line 1\nline 2\nline 3\nend\n")
    assert await room.read(["ran"]) == {"ran": b"once\n"}


async def test_certificates_renewed_in_the_midst_end_nothing_that_runs(
    trust: Trust, backend: Bubblewrap, room: SandboxRoom
) -> None:
    """Every file is replaced under both sides, as `corrigent setup gateway` and a copy do it; neither starts again."""
    of_gateway, of_caller, begun = trust.of(MACHINE), trust.of("llm"), asyncio.Event()
    script = "echo once >> renewed; echo begun; while [ ! -e on ]; do sleep 0.05; done; echo end"
    async with gateway_of(backend, trust, of_gateway).open(MACHINE, 0) as port:
        far = SandboxRoom(ways(of_caller, patience=60), afar(trust, room.ref, port))
        running = asyncio.create_task(far.run(("sh", "-c", script), watch=lambda _: begun.set()))
        await asyncio.wait_for(begun.wait(), 30)
        first = await shown(of_caller, port)
        renewed = Trust(trust.folder / "renewed")
        for papers, name in ((of_gateway, MACHINE), (of_caller, "llm")):
            copy(renewed.of(name), papers, KEY)
        # Half of a copy is nobody's certificate: the one before is shown on.
        assert await shown(of_caller, port) == first
        for papers, name in ((of_gateway, MACHINE), (of_caller, "llm")):
            copy(Papers(renewed.folder / f"{name}-"), papers, CERTIFICATE, AUTHORITY)
        assert await shown(of_caller, port) == certificate_of(of_gateway) != first
        assert await far.read(["renewed"]) == {"renewed": b"once\n"}
        await far.write({"on": b""})
        ran = await asyncio.wait_for(running, 30)
        assert (ran.passed, ran.output) == (True, b"begun\nend\n")
        assert await far.read(["renewed"]) == {"renewed": b"once\n"}
        # Whoever shows what the old authority issued is nobody now.
        with pytest.raises(UserError, match="do not believe each other"):
            await SandboxRoom(ways(trust.of("llm", now=datetime.now(UTC))), far.ref).run(("true",))


def copy(from_papers: Papers, to_papers: Papers, *names: str) -> None:
    for name in names:
        (from_papers.folder / name).replace(to_papers.folder / name)


async def shown(papers: Papers, port: int) -> bytes:
    """The certificate that the gateway shows to whoever comes now."""
    context = ssl.create_default_context(cafile=papers.folder / AUTHORITY)
    _, writer = await asyncio.open_connection(MACHINE, port, ssl=context)
    with closing(writer):
        return writer.get_extra_info("ssl_object").getpeercert(binary_form=True)


def certificate_of(papers: Papers) -> bytes:
    return ssl.PEM_cert_to_DER_cert((papers.folder / CERTIFICATE).read_text())


async def test_one_that_does_not_come_back_is_a_sandbox_that_is_gone(
    gateway: Gateway, trust: Trust, room: SandboxRoom
) -> None:
    async with gateway.open(MACHINE, 0) as port:
        ref = afar(trust, room.ref, port)
    with pytest.raises(SandboxGone):
        await SandboxRoom(ways(trust.of("llm"), patience=0.3), ref).run(("true",))


@pytest.mark.parametrize(
    "changes",
    [{"token": "0" * 64}, {"token": ""}, {"generation": 2}, {"sandbox_id": "0" * 20}, {"backend": "docker"}],
    ids=" ".join,
)
async def test_without_the_token_of_this_very_sandbox_there_is_none(
    gateway: Gateway, trust: Trust, room: SandboxRoom, changes: dict[str, object]
) -> None:
    async with through(gateway, trust, room.ref) as (ways, ref):
        with pytest.raises(SandboxGone, match="no such sandbox for you"):
            await SandboxRoom(ways, ref.model_copy(update=changes)).run(("true",))


async def test_a_sandbox_that_was_destroyed_has_no_way_in(
    gateway: Gateway, trust: Trust, backend: Bubblewrap, room: SandboxRoom
) -> None:
    gone = room.ref.model_copy(update={"sandbox_id": "0" * 20})
    async with through(gateway, trust, gone) as (ways, ref):
        for ask in (SandboxRoom(ways, ref).run(("true",)), ways.renew(ref, timedelta(minutes=1))):
            with pytest.raises(SandboxGone, match="There is no sandbox"):
                await ask


def papers(trust: Trust, case: str) -> tuple[Papers, Papers]:
    """The gateway's and the caller's."""
    others = Trust(trust.folder / "others")
    match case:
        case "a caller of another authority":
            return trust.of(MACHINE), mixed(others.of("llm"), trust.of("llm"))
        case "a caller whose certificate is over":
            return trust.of(MACHINE), trust.of("llm", now=LONG_AGO)
        case "a gateway as a caller":
            return trust.of(MACHINE), trust.of("127.0.0.2")
        case "a caller as a gateway":
            return trust.of("llm"), trust.of("llm", now=datetime.now(UTC))
        case "another gateway":
            return trust.of("127.0.0.2"), trust.of("llm")
        case "a gateway of another authority":
            return mixed(others.of(MACHINE), trust.of(MACHINE)), trust.of("llm")
        case _:
            return trust.of(MACHINE, now=LONG_AGO), trust.of("llm")


def mixed(theirs: Papers, ours: Papers) -> Papers:
    """Their certificate, and belief in our authority."""
    (theirs.folder / "authority.pem").write_bytes((ours.folder / "authority.pem").read_bytes())
    return theirs


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("a caller of another authority", "turns this machine away"),
        ("a caller whose certificate is over", "turns this machine away"),
        ("a gateway as a caller", "turns this machine away"),
        ("a caller as a gateway", "purpose"),
        ("another gateway", "IP address mismatch"),
        ("a gateway of another authority", "unable to get local issuer|signature"),
        ("a gateway whose certificate is over", "expired"),
    ],
)
async def test_a_certificate_that_is_not_believed_is_said_at_once(
    trust: Trust, backend: Bubblewrap, room: SandboxRoom, case: str, why: str
) -> None:
    of_gateway, of_caller = papers(trust, case)
    async with gateway_of(backend, trust, of_gateway).open(MACHINE, 0) as port:
        ref = afar(trust, room.ref, port)
        # Patience would be of no use, and is not tried.
        with pytest.raises(UserError, match=rf"do not believe each other.*({why})"):
            await asyncio.wait_for(SandboxRoom(ways(of_caller, patience=600), ref).run(("true",)), 30)


@pytest.mark.parametrize(
    "said",
    [
        [b"GET / HTTP/1.1\r\n\r\n"],
        [pack({"op": "enter"})],
        [pack({"op": "exec", "exec_id": "x"})],
        [SIZES.pack(2_000_000, 0)],
        ["enter", pack({"op": "leave"})],
        ["enter", pack({"op": "hello"})],
        ["enter", pack({"op": "lease", "seconds": 1e12})],
        ["enter", pack({"op": "get", "paths": ["/"], "max_bytes": 2**40})],
        ["enter", pack({"op": "put", "folder": "/work"}), *[pack({"op": "data"}, b"\0" * 2**24)] * 5],
        ["enter", SIZES.pack(2**31, 0)],
    ],
    ids=["http", "half a name", "no name", "long name", "leave", "hello", "lease", "get", "put", "frame"],
)
async def test_what_is_no_request_ends_the_connection_and_nothing_else(
    gateway: Gateway, trust: Trust, room: SandboxRoom, said: Sequence[str | bytes]
) -> None:
    async with through(gateway, trust, room.ref) as (ways, ref):
        port = int(ref.host.rpartition(":")[2])
        reader, writer = await asyncio.open_connection(MACHINE, port, ssl=trust.of("llm").asking())
        with closing(writer):
            for words in said:
                writer.write(words if isinstance(words, bytes) else pack(entering(ref)))
            assert await answer(reader) in {b"", pack(GREETING)}
        assert (await SandboxRoom(ways, ref).run(("true",))).passed


def entering(ref: SandboxRef) -> Header:
    named = ("backend", "sandbox_id", "generation", "token")
    return {"op": "enter", **{name: getattr(ref, name) for name in named}}


async def answer(reader: asyncio.StreamReader) -> bytes:
    try:
        return await asyncio.wait_for(reader.read(), 30)
    except ConnectionError:
        return b""


def test_one_command_makes_what_both_sides_need(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert setup_gateway(["sandbox-1.example.com"], home=tmp_path) == 0
    folder = tmp_path / "secrets" / "gateways"
    for name in ("llm", "sandbox-1.example.com"):
        papers = Papers(folder / name)
        assert (papers.serving().check_hostname, papers.asking().check_hostname) == (False, True)
        assert (papers.folder / "key.pem").stat().st_mode & 0o077 == 0
    told = capsys.readouterr().out
    assert 'gateway_address = "sandbox-1.example.com:8378"' in told
    authority = (folder / "authority" / "key.pem").read_bytes()
    # Renewed by the same authority.
    old = (folder / "llm" / "certificate.pem").read_bytes()
    setup_gateway(["sandbox-2.example.com"], home=tmp_path)
    assert (folder / "authority" / "key.pem").read_bytes() == authority
    assert (folder / "llm" / "certificate.pem").read_bytes() != old


@pytest.mark.parametrize("name", ["", "../x", "llm", "authority", "a b", "a/b"])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no name of a machine"):
        setup_gateway([name], home=tmp_path)


def test_papers_that_are_missing_or_open_to_others_are_said(tmp_path: Path, trust: Trust) -> None:
    with pytest.raises(UserError, match="corrigent setup gateway"):
        Papers(tmp_path / "nothing").asking()
    made = trust.of("llm")
    (made.folder / "key.pem").chmod(0o644)
    with pytest.raises(UserError, match="chmod 600"):
        made.asking()


def test_a_token_is_not_shown(room: SandboxRoom) -> None:
    ref = room.ref.model_copy(update={"token": "canary"})
    assert "canary" not in repr(ref)
    assert json.loads(ref.model_dump_json())["token"] == "canary"
