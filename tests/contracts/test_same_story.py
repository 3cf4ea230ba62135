"""The same findings give the same story on every forge, and nothing in a text makes a forge do anything."""

from collections.abc import AsyncGenerator

import pytest
from inline_snapshot import snapshot

from app.domain.markers import finding_marker
from app.domain.review import CheckText
from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from tests.contracts.telling import bodies_of, comments_of, tell, threads_of
from tests.contracts.worlds import KINDS, RUN_ID, AnyPull, World, a_world, comment_on, finding_id, reply, resolve

FILES = {"pay.py": "".join(f"line {number}\n" for number in range(1, 21))}
CHANGES = {"pay.py": FILES["pay.py"].replace("line 5\n", "line five\n").replace("line 15\n", "line fifteen\n")}
MARKER = "<!-- corrigent:v1 action=" + "d" * 64 + " -->"


@pytest.fixture(params=KINDS)
async def world(request: pytest.FixtureRequest) -> AsyncGenerator[World]:
    async with a_world(request.param, files=FILES) as made:
        yield made


async def live_through(world: World) -> AnyPull:
    """A review with two findings; one is mended, one discussed and settled by a person."""
    pull = await world.open(CHANGES)
    ref, writer = world.ref_of(pull), world.ours.writer
    check = await writer.ensure_check(
        ref, pull.head_sha, RUN_ID, CheckText(title="Reviewing", summary="…"), None, look_first=False
    )
    await world.post(pull, comment_on(1, "pay.py", 5), comment_on(2, "pay.py", 15, start_line=14))
    done = CheckText(title="2 high · 1 file reviewed", summary="…", conclusion="neutral")
    await writer.ensure_check(ref, pull.head_sha, RUN_ID, done, check, look_first=False)
    mended = [one for one in await world.ours.reader.threads(ref) if one.finding_id == finding_id(1)]
    await writer.resolve_threads(ref, mended, "Fixed.")
    reply(pull, 1, "Is this certain?")
    resolve(pull, 1)
    await writer.comment(ref, f"Nothing is open.\n\n{MARKER}", MARKER, None, look_first=False)
    return pull


async def test_the_same_findings_give_the_same_story(world: World) -> None:
    assert tell(await live_through(world)) == snapshot("""\
review: **2 high**
pay.py:5 (settled)
  us: **High · 1 · Pays twice**
pay.py:15 (settled)
  us: **High · 2 · Pays twice**
  maria: Is this certain?
us: Nothing is open.\
""")


# What must not be carried out, wherever it stands in a text.
COMMANDS = (
    "/merge",
    "/approve",
    "/close",
    "/label ~danger",
    "/assign @sam",
    "/title Ha",
    "/unlabel",
    "/target_branch x",
)
DISGUISES = [
    "{command}",
    "Some words.\n\n{command}",
    "Some words.\n{command}\nand more",
    "Windows\r\n{command}\r\n",
    "- a list\n{command}",
    "```\ncode\n```\n{command}",
    "```\nan open fence\n{command}",
    "`a` word\n{command}\nand `b`",
    "<details>\n\n{command}\n\n</details>",
    "> quoted\n{command}",
    "one\x0b\n{command}",
    "\ufeff{command}",
]


@pytest.mark.parametrize("disguise", DISGUISES)
async def test_no_text_of_ours_makes_the_forge_do_anything(world: World, disguise: str) -> None:
    pull = await world.open(CHANGES)
    ref, marker = world.ref_of(pull), finding_marker(finding_id(1), RUN_ID)
    text = "\n\n".join(disguise.format(command=command) for command in COMMANDS)
    await world.post(pull, comment_on(1, "pay.py", 5, body=f"{text}\n\n{marker}"))
    await world.ours.writer.comment(ref, f"{text}\n\n{MARKER}", MARKER, None, look_first=False)
    (thread,) = await world.ours.reader.threads(ref)
    await world.ours.writer.resolve_threads(ref, [thread], text)
    title = CheckText(title=f"1 high\n{text}", summary=text, conclusion="failure")
    await world.ours.writer.ensure_check(ref, pull.head_sha, RUN_ID, title, None, look_first=False)
    now = await world.ours.reader.pull_request(ref)
    assert (now.state, now.title, now.labels, now.base_ref) == ("open", "A change", (), "main")
    if isinstance(pull, FakeMergeRequest):
        assert [action.word for action in pull.quick_actions] == []
        assert pull.item.approved_by == pull.item.assignees == []
    # The words are still there for people to read.
    assert "approve" in threads_of(pull)[0].opening
    assert "approve" in comments_of(pull)[0][1]
    assert len(bodies_of(pull)) == 1
