"""What a sandbox lives through: set-up with a way out, work without one, sleep while people think; or there is none."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import JsonValue

from app.demo import shop as samples
from app.domain.conversation import Result
from app.domain.pull_request import PullRequestRef
from app.forges.fake.scenario import FIX_PERMISSIONS, FakeForge
from app.sandboxes.records import Records
from app.store.conversations import Conversations
from tests.harness.system import Script, corrigent
from tests.harness.temporal import TemporalServer
from tests.journeys.conftest import Shop, answer_as_in_the_demo
from tests.journeys.fixing import AGREES, TEST, call, finish, need_sandbox, said, say
from tests.sandboxes.egress_world import Internet, server

FETCH = """\
import pathlib, sys, urllib.request
pathlib.Path(sys.argv[2]).write_bytes(urllib.request.urlopen(sys.argv[1], timeout=20).read())
"""
# The server is on loopback, where programs go without the proxy unless they are told not to.
FETCHING = "env -u no_proxy -u NO_PROXY python3 tools/fetch.py {url} {into}"


def asks_half_way(url: str) -> dict[str, JsonValue]:
    """Mends finding 3 of the shop in two halves, with a question between them."""
    return {
        "when": ["Timeout in milliseconds"],
        "steps": [
            call("run", command="cat vendor/installed.txt"),
            call("run", command=FETCHING.format(url=url, into="vendor/more.txt")),
            call("edit", path="billing/refunds.py", old="timeout=2000", new="timeout=2"),
            call("ask", question="Is it in seconds?"),
            call("run", command="grep timeout= billing/refunds.py && cat vendor/installed.txt"),
            call("write", path="tests/test_timeout.py", content=TEST),
            finish("The timeout is given in seconds.", 3, "python3 -m unittest -v tests.test_timeout"),
        ],
    }


@asynccontextmanager
async def shop_with(
    forge: FakeForge,
    temporal: TemporalServer,
    home: Path,
    *agents: dict[str, JsonValue],
    settings: dict[str, JsonValue],
) -> AsyncGenerator[Shop]:
    def prepare(script: Script) -> None:
        answer_as_in_the_demo(script)
        script.agents.extend(agents)
        script.answers.insert(0, AGREES)
        script.write()

    repo = await forge.create_repo(samples.REPOSITORY, files=samples.BASE)
    credentials = await forge.install_app(repos=[repo], permissions=FIX_PERMISSIONS)
    async with corrigent(forge, credentials, temporal, home, prepare=prepare, with_model=True, **settings) as system:
        yield Shop(forge, repo, system)


async def test_set_up_once_asleep_while_people_think_and_back_with_its_changes(
    forge: FakeForge, temporal: TemporalServer, tmp_path: Path
) -> None:
    need_sandbox()
    internet = Internet(tmp_path)
    async with server(internet.echo) as port:
        url = f"http://localhost:{port}/one"
        hosts: dict[str, JsonValue] = {"localhost": ["127.0.0.1/32"]}
        lists: dict[str, JsonValue] = {"setup_hosts": [f"localhost:{port}"], "internal_hosts": hosts}
        async with shop_with(forge, temporal, tmp_path / "home", asks_half_way(url), settings=lists) as shop:
            setup = f"mkdir -p vendor && {FETCHING.format(url=url, into='vendor/installed.txt')}"
            await shop.repo.commit({".corrigent.yaml": f"setup:\n  - {setup}\n", "tools/fetch.py": FETCH})
            pull_request = await shop.open()
            await shop.reviewed(pull_request)

            pull_request.comment("/corrigent fix 3")
            await shop.forge.wait_until(
                lambda: any("The agent asks" in text for text in said(pull_request)), timeout=90
            )
            # Whoever thinks about it for days keeps no sandbox waiting.
            sandboxes = Records(tmp_path / "home" / "sandboxes" / "bubblewrap")
            assert sandboxes.ids() == []
            answer = pull_request.comment("/corrigent agent Yes, in seconds.")
            await shop.forge.wait_until(lambda: "mended and proved" in said(pull_request)[-1], timeout=90)
            await shop.system.quiet()
            assert [reaction.content for reaction in answer.reactions] == ["eyes", "+1"]

            store = shop.system.running.store
            ref = PullRequestRef(connection="github", repo_id=shop.repo.repo_id, number=pull_request.number)
            [agent] = await store.agents.of(ref)
            conversation = await Conversations(store.blobs).read(agent.conversation)
            shown = [one.text for one in conversation.messages if isinstance(one, Result)]
            assert "hello" in shown[0]
            assert "Connection refused" in shown[1]
            assert "timeout=2)" in shown[4]
            assert "hello" in shown[4]
            # For the first sandbox, the second one and the one of the proof together.
            assert len(internet.requests) == 1
            assert sandboxes.ids() == []


async def test_a_machine_without_a_sandbox_reviews_and_says_why_it_mends_nothing(
    forge: FakeForge, temporal: TemporalServer, tmp_path: Path
) -> None:
    async with shop_with(forge, temporal, tmp_path / "home", settings={"sandbox": "docker"}) as shop:
        pull_request = await shop.open()
        await shop.reviewed(pull_request)
        assert len(pull_request.threads) == 2
        assert await say(shop, pull_request, "/corrigent fix 3") == ["eyes", "confused"]
        assert said(pull_request)[-1] == (
            "No fix was tried. No sandbox can be used on this machine. docker: No image is named for sandboxes; "
            "name one that has python3 and your repositories' tools. Reviews go on, and nothing runs outside of a "
            "sandbox; the operator sees more with `corrigent doctor`."
        )
        head = await pull_request.push({"NEWS.md": "Another commit is reviewed all the same.\n"})
        await shop.reviewed(pull_request, head_sha=head)
        assert list((tmp_path / "home" / "sandboxes").rglob("record.json")) == []
