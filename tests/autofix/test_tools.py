"""The tools, used for real on a small repository."""

import json
import os
import shutil
import socket
from datetime import timedelta
from pathlib import Path

import pytest

from app.domain.agents import AgentResult
from app.sandboxes.base import Ended, Ran, Room
from autofix.tools.base import AskPeople, Delegate, Finish, Outcome, Shown, Workplace
from autofix.tools.registry import OF_SUB_AGENTS, TOOLS
from tests.autofix.folder_room import FolderRoom

CODE = "def add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return add(a, a)\n"


async def no_checks(room: Room, *, exec_id: str, within: timedelta) -> str:
    return f"2 passed in {room.__class__.__name__}"


class Bench:
    """A repository and a hand that uses tools on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.room = FolderRoom(folder)
        self.reported: list[str] = []
        self.calls = 0
        self.within = timedelta(seconds=60)

    async def use(self, tool: str, raw: str = "", **arguments: object) -> Outcome:
        async def report(problem: str) -> None:
            self.reported.append(problem)

        self.calls += 1
        workplace = Workplace(
            room=self.room,
            exec_id=f"call-{self.calls}",
            within=self.within,
            checks=no_checks,
            report_problem=report,
            numbers=(2,),
        )
        return await TOOLS[tool].use(raw or json.dumps(arguments), workplace)

    async def shows(self, tool: str, **arguments: object) -> str:
        outcome = await self.use(tool, "", **arguments)
        assert isinstance(outcome, Shown)
        assert not outcome.failed, outcome.text
        return outcome.text

    async def fails(self, tool: str, raw: str = "", **arguments: object) -> str:
        outcome = await self.use(tool, raw, **arguments)
        assert isinstance(outcome, Shown)
        assert outcome.failed, outcome.text
        return outcome.text


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "sums.py").write_text(CODE)
    (tmp_path / "README.md").write_text("# Sums\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("[core]\n")
    return Bench(tmp_path)


async def test_read_numbers_its_lines_and_says_what_is_left(bench: Bench) -> None:
    assert await bench.shows("read", path="src/sums.py", count=2) == (
        "    1\tdef add(a, b):\n    2\t    return a - b\n(4 more lines; the file has 6.)"
    )
    assert (await bench.shows("read", path="src/sums.py", first=6)).startswith("    6\t    return add(a, a)")
    assert await bench.fails("read", path="src/sums.py", first=9) == "src/sums.py has 6 lines."


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("nowhere.py", "nowhere.py: No such file or directory."),
        ("src", "src is a folder; list it."),
        ("data.bin", "data.bin is not a text."),
        ("pipe", "pipe is not a plain file."),
    ],
)
async def test_read_says_why_it_cannot(bench: Bench, path: str, says: str) -> None:
    (bench.folder / "data.bin").write_bytes(b"\0\1\2")
    os.mkfifo(bench.folder / "pipe")
    assert await bench.fails("read", path=path) == says


async def test_list_shows_folders_links_and_what_it_leaves_out(bench: Bench) -> None:
    (bench.folder / "link").symlink_to("/etc/passwd")
    assert (await bench.shows("list")).splitlines() == [
        ".git/ (not looked into)",
        "README.md",
        "link -> /etc/passwd",
        "src/",
        "src/sums.py",
    ]
    assert "sums.py" not in await bench.shows("list", depth=1)


async def test_list_ends_in_a_folder_of_thousands(bench: Bench) -> None:
    for number in range(600):
        (bench.folder / "src" / f"f{number:03}").touch()
    assert (await bench.shows("list")).endswith("(There is more; list a folder below.)")


async def test_search_finds_lines_by_pattern_and_name(bench: Bench) -> None:
    assert await bench.shows("search", pattern=r"return \w+ -") == "src/sums.py:2:    return a - b"
    assert await bench.shows("search", pattern="Sums", glob="*.py") == "Nothing matches."
    assert "regular expression" in await bench.fails("search", pattern="(")


async def test_ripgrep_is_used_where_there_is_one_and_its_answer_looks_the_same(bench: Bench) -> None:
    programs = bench.folder / "bin"
    programs.mkdir()
    (programs / "rg").write_text("""#!/bin/sh
printf '%s\\n' "$@" >arguments
seq -f './src/sums.py:%g:    return a - b' 1 250
exit 2
""")
    (programs / "rg").chmod(0o755)
    bench.room.path = f"{programs}:/usr/bin:/bin"
    lines = (await bench.shows("search", pattern="-b", path="src", glob="*.py")).splitlines()
    assert lines[0] == "src/sums.py:1:    return a - b"
    assert (len(lines), lines[-1]) == (201, "(50 more lines match.)")
    arguments = (bench.folder / "arguments").read_text().splitlines()
    assert arguments[-3:] == ["--regexp=-b", "--", "src"]
    assert "--glob=*.py" in arguments


async def test_a_search_without_end_is_stopped_and_said(bench: Bench) -> None:
    (bench.folder / "long.txt").write_text("a" * 40)
    bench.within = timedelta(seconds=0.5)
    # Without ripgrep, whose patterns always end.
    bench.room.path = "/usr/bin:/bin"
    assert "it was stopped after" in await bench.fails("search", pattern="(a+)+$b")


async def test_edit_replaces_exactly_and_shows_what_stands_there_now(bench: Bench) -> None:
    text = await bench.shows("edit", path="src/sums.py", old="return a - b", new="return a + b")
    assert text.startswith("Replaced once. Now:\n    1\tdef add(a, b):\n    2\t    return a + b")
    assert (bench.folder / "src" / "sums.py").read_text() == CODE.replace("a - b", "a + b")


@pytest.mark.parametrize(
    ("old", "says"),
    [
        ("return b", "`old` is not in src/sums.py. Line 2 comes nearest to its first line."),
        ("  return a - b\n\n  def", "`old` is not in src/sums.py."),
        ("def add(a, b):\n  return a - b", "Lines 1 to 2 differ from it in white space only"),
        ("return", "`old` is in src/sums.py 2 times, at lines 2, 6: quote more, or set `all`."),
    ],
)
async def test_edit_says_why_it_does_not_match(bench: Bench, old: str, says: str) -> None:
    assert says in await bench.fails("edit", path="src/sums.py", old=old, new="x")
    assert (bench.folder / "src" / "sums.py").read_text() == CODE


async def test_edit_keeps_line_ends_mode_and_bytes_that_are_no_text(bench: Bench) -> None:
    script = bench.folder / "run.sh"
    script.write_bytes(b"#!/bin/sh\r\necho \xff one\r\necho two\r\n")
    script.chmod(0o755)
    await bench.shows("edit", path="run.sh", old="one\necho two", new="1\necho 2")
    assert script.read_bytes() == b"#!/bin/sh\r\necho \xff 1\r\necho 2\r\n"
    assert script.stat().st_mode & 0o777 == 0o755


async def test_write_makes_folders_and_never_follows_a_link(bench: Bench) -> None:
    assert await bench.shows("write", path="tests/test_sums.py", content="x = 1\n") == (
        "Created tests/test_sums.py, 1 lines."
    )
    outside = bench.folder / "README.md"
    (bench.folder / "link.md").symlink_to(outside)
    assert await bench.fails("write", path="link.md", content="gone") == "link.md is not a plain file."
    assert outside.read_text() == "# Sums\n"


async def test_a_call_that_is_repeated_after_a_crash_does_nothing_twice(bench: Bench) -> None:
    first = await bench.use("edit", path="src/sums.py", old="a - b", new="a + b")
    bench.calls -= 1
    again = await bench.use("edit", path="src/sums.py", old="a - b", new="a + b")
    assert first == again
    assert len(bench.room.started) == 1


async def test_run_says_first_how_it_ended(bench: Bench) -> None:
    text = await bench.shows("run", command="echo hello | tr a-z A-Z; exit 3")
    assert text.startswith("(exit code 3)\n")
    assert text.endswith("HELLO")
    stopped = await bench.fails("run", command="echo begun; sleep 60", seconds=1)
    assert stopped == "(it was stopped after 1 s)\nbegun"


async def test_a_flood_of_output_is_capped_with_its_beginning_and_end(bench: Bench) -> None:
    text = await bench.shows("run", command="seq 1 200000")
    assert len(text) < 31_000
    assert "\n1\n" in text
    assert text.endswith("200000")


async def test_checks_and_problems_go_to_those_who_know(bench: Bench) -> None:
    assert await bench.shows("checks") == "2 passed in FolderRoom"
    await bench.shows("report_problem", problem="There is no\n compiler.")
    assert bench.reported == ["There is no compiler."]


async def test_questions_tasks_and_ends_are_for_the_loop(bench: Bench) -> None:
    assert await bench.use("ask", question="Is a retry allowed?") == AskPeople("Is a retry allowed?")
    assert await bench.use("sub_agent", task="Find all callers of add, please.") == Delegate(
        "Find all callers of add, please."
    )
    ended = await bench.use("finish", summary="Adds  again", findings=[2, 2], commands=["pytest"])
    assert ended == Finish(AgentResult(summary="Adds again", numbers=(2,), commands=("pytest",)))
    assert await bench.fails("finish", summary="Adds again", findings=[3]) == (
        "There is no finding 3 in this task; its findings: 2."
    )


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("{", "Invalid JSON"),
        ("[]", "should be an object"),
        ("{}", "`path`: Field required"),
        ('{"path": 7}', "`path`: Input should be a valid string"),
        ('{"path": "x", "lines": 3}', "`lines`: Extra inputs are not permitted"),
        ('{"path": "x", "first": 0}', "`first`: Input should be greater than or equal to 1"),
    ],
)
async def test_wrong_arguments_are_told_to_the_model(bench: Bench, raw: str, says: str) -> None:
    assert says in await bench.fails("read", raw)
    assert bench.room.started == []


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
async def test_a_picture_is_taken_of_a_page_that_the_code_serves(bench: Bench) -> None:
    (bench.folder / "page.html").write_text("<h1>Sums</h1>")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    outcome = await bench.use(
        "screenshot",
        url=f"http://127.0.0.1:{port}/page.html",
        serve=f"exec python3 -m http.server -b 127.0.0.1 {port}",
    )
    assert isinstance(outcome, Shown)
    assert outcome.png.startswith(b"\x89PNG"), outcome.text


async def test_without_a_browser_there_is_no_picture_and_that_is_said(bench: Bench) -> None:
    missing = Ended(ending="exited", exit_code=127, output_bytes=0, seconds=0.1)
    bench.room.always = Ran(ended=missing, output=b"")
    assert await bench.fails("screenshot", url="http://localhost/") == (
        "Not available here: this environment has no browser."
    )


@pytest.mark.parametrize("url", ["http://example.com/", "http://localhost.evil/", "http://169.254.169.254/", "ftp://x"])
async def test_a_picture_is_taken_of_ones_own_pages_only(bench: Bench, url: str) -> None:
    assert "`url`" in await bench.fails("screenshot", url=url)
    assert bench.room.started == []


def test_sub_agents_neither_ask_people_nor_hand_on() -> None:
    assert set(TOOLS) - set(OF_SUB_AGENTS) == {"ask", "sub_agent"}
    assert all(tool.description and tool.spec.schema["type"] == "object" for tool in TOOLS.values())
