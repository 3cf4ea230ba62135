"""Pull requests of odd shapes: each gets its one completed check with a title that says what was done."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.demo import shop as samples
from app.forges.fake.commits import Content, TreeEntry
from app.forges.fake.pull_scenario import FakePullRequest
from tests.harness.stage import Inside, inside
from tests.harness.temporal import TemporalServer

CODE: Mapping[str, Content] = {"src/one.py": "def one() -> int:\n    return 1\n"}
LFS_POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12\n"
CLEAN = "No problems found"
NOTHING = "Nothing to review"


@dataclass(frozen=True)
class Shape:
    """What is opened, and how the check's title begins."""

    title: str
    changes: Mapping[str, Content] = field(default_factory=lambda: dict(CODE))
    name: str = "A change"
    body: str | None = None
    branch: str | None = None


SHAPES: dict[str, Shape] = {
    "no change at all": Shape(NOTHING, {}),
    "only a lock file": Shape(NOTHING, {"package-lock.json": '{"lockfileVersion": 3}\n'}),
    "a binary file": Shape(NOTHING, {"logo.png": b"\x89PNG\r\n\x1a\n\0\0\0"}),
    "one line of two megabytes": Shape(NOTHING, {"app.min.js": "x=1;" * 500_000}),
    # What is taken out of a file that stays is behaviour that goes: it is read.
    "only lines that go": Shape(
        CLEAN, {"billing/events.py": samples.BASE["billing/events.py"].rpartition("\n\n")[0] + "\n"}
    ),
    "a file without its text": Shape(CLEAN, {"billing/events.py": ""}),
    "a deletion": Shape(NOTHING, {"billing/events.py": None}),
    "a deletion of everything": Shape(NOTHING, dict.fromkeys(samples.BASE)),
    "a pure rename": Shape(
        NOTHING, {"billing/events.py": None, "billing/happenings.py": samples.BASE["billing/events.py"]}
    ),
    "only a mode": Shape(NOTHING, {"billing/events.py": TreeEntry("100755", samples.BASE["billing/events.py"])}),
    "a symbolic link": Shape(NOTHING, {"src/passwd": TreeEntry("120000", "/etc/passwd")}),
    "a file that became a link": Shape(NOTHING, {"billing/events.py": TreeEntry("120000", "../../../etc/passwd")}),
    "a submodule": Shape(NOTHING, {"vendor/lib": TreeEntry("160000", "a" * 40)}),
    "an LFS pointer": Shape(NOTHING, {"model.bin": LFS_POINTER}),
    "only generated and vendored": Shape(NOTHING, {"node_modules/a/index.js": "x = 1;\n", "api_pb2.py": "X = 1\n"}),
    "Latin-1": Shape(CLEAN, {"src/latin.rb": b"# caf\xe9\nname = 'caf\xe9'\n"}),
    # Python itself refuses to run it, and its linter to read it.
    "Latin-1 where it is an error": Shape("Incomplete", {"src/latin.py": b"# caf\xe9\nname = 'caf\xe9'\n"}),
    "UTF-16": Shape(NOTHING, {"notes.txt": "caf\u00e9\n".encode("utf-16")}),
    "no line end": Shape(CLEAN, {"src/open.py": "x = 1"}),
    "a name with a line end and a tab": Shape(CLEAN, {"src/a\nb\tc.py": "x = 1\n"}),
    "a name like an option": Shape(CLEAN, {"--output=pwn.txt": "x\n", "src/x.py": "x = 1\n"}),
    "a name like a diff": Shape(CLEAN, {"b --- a.py": "x = 1\n"}),
    "a branch like a command": Shape(CLEAN, branch="x$(touch${IFS}pwned);'\"|`id`"),
    "a branch of 240 letters": Shape(CLEAN, branch="long/" + "y" * 230),
    "a branch with bidi controls": Shape(CLEAN, branch="safe\u202egnp.exe"),
    "a title of 65,536 letters": Shape(CLEAN, name="t" * 65_536, body="b" * 65_536),
    "a title of emoji": Shape(CLEAN, name="\U0001f680" * 50, body="\u202e\u202d" * 50),
    "a title nobody can see": Shape(CLEAN, name="\u200b" * 20, body="\u200b" * 20),
    "a title like a marker": Shape(CLEAN, name="<!-- corrigent:v1 run=01 -->", body="<!-- corrigent:v1 finding=01 -->"),
}


@pytest.fixture
async def stage(temporal: TemporalServer, tmp_path: Path) -> AsyncGenerator[Inside]:
    async with inside(temporal, tmp_path) as made:
        made.script.answer(findings=[])
        yield made


async def titles_of(stage: Inside, opened: Mapping[str, FakePullRequest]) -> dict[str, str]:
    """Each one's checks: there is to be one."""
    for pull_request in opened.values():
        await stage.settled(pull_request)
    return {
        name: " and ".join(
            f"{check.title} ({check.conclusion}, {check.external_id})"
            for check in pull_request.checks_of(pull_request.head_sha)
        )
        for name, pull_request in opened.items()
    }


async def test_every_shape_ends_in_one_check_that_says_what_was_done(stage: Inside) -> None:
    opened = {
        name: await stage.repo.open_pull_request(
            title=shape.name, body=shape.body, branch=shape.branch or f"shape-{number}", changes=shape.changes
        )
        for number, (name, shape) in enumerate(SHAPES.items())
    }
    titles = await titles_of(stage, opened)
    wrong = {
        name: title for name, title in titles.items() if not title.startswith(SHAPES[name].title) or " and " in title
    }
    assert wrong == {}
    # Whatever is heard of the same head later says nothing new about it.
    for pull_request in opened.values():
        await pull_request.label("seen")
    assert await titles_of(stage, opened) == titles
    assert sum(len(pull_request.reviews) for pull_request in opened.values()) == 0


async def test_whoever_or_whatever_is_gone_the_review_is_made(stage: Inside) -> None:
    fork = await stage.repo.fork("sam")
    orphan = await stage.repo.open_pull_request(author="sam", branch="fix", changes=CODE, from_fork=fork)
    orphan.delete_fork()
    locked = await stage.repo.open_pull_request(branch="locked", changes={"src/two.py": "x = 2\n"})
    locked.lock()
    renamed = await stage.repo.open_pull_request(branch="renamed", changes={"src/three.py": "x = 3\n"})
    stage.repo.rename("boutique")
    titles = await titles_of(stage, {"orphan": orphan, "locked": locked, "renamed": renamed})
    assert {name for name, title in titles.items() if title.startswith(CLEAN)} == {"orphan", "locked", "renamed"}
