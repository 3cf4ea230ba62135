"""`corrigent review` in a repository that wants to be run: it is read, and nothing of it runs."""

import contextlib
from pathlib import Path

from app.output.report import Report
from tests.checkouts.repos import Repo
from tests.checkouts.test_local import poison
from tests.linters.test_linters_hostile import BUGS, hostile
from tests.review_here.conftest import Scripted
from tests.review_here.console import Console


def shadows(marker: Path) -> dict[str, str]:
    """Modules that would be imported in place of ours, or of the standard library's, were this folder on the path."""
    evil = f"open({str(marker)!r}, 'w')\n"
    names = ("app/__init__", "app/cli", "app/review_here", "workflows/__init__", "reviewers/__init__", "asyncio")
    later = ("typer", "pydantic", "yaml", "rich/__init__", "encodings/__init__", "_virtualenv", "_distutils_hack")
    return {f"{name}.py": evil for name in (*names, *later)}


async def test_a_hostile_repository_is_read_and_runs_nothing(
    console: Console, repo: Repo, scripted: Scripted, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    program = tmp_path / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch {marker}\ncat\n")
    program.chmod(0o755)
    traps = {**hostile(marker), **shadows(marker), ".gitattributes": "* filter=evil diff=evil merge=evil\n"}
    repo.switch("main")
    repo.commit({**traps, "tracked.txt": "one\n"})
    repo.switch("other", "main")
    poison(repo.folder / ".git", program)
    # Files that nobody ignores; the trap's `*` would hide new ones from git itself.
    repo.write({**BUGS, ".gitignore": "", "tracked.txt": "two\n"})
    for name in traps:
        (repo.folder / name).chmod(0o755)
    before = {path: path.stat().st_mtime_ns for path in repo.folder.rglob("*")}
    ran = await console.run("--model", scripted({"findings": []}), "--format", "json")
    assert ran.err == ""
    report = Report.model_validate_json(ran.out)
    assert ran.code == 1
    # What two linters say about one line is one finding with the words of both.
    heard = " ".join(evidence.text for one in report.findings for evidence in one.evidence)
    assert [
        name for name in ("ruff F821", "ty missing-attribute", "ast-grep py-repeated-mutable") if name not in heard
    ] == []
    assert report.incomplete == ()
    assert not marker.exists()
    assert {path: path.stat().st_mtime_ns for path in repo.folder.rglob("*")} == before
    assert list(console.temp.iterdir()) == []
    # The traps are real: git itself walks into them.
    with contextlib.suppress(AssertionError):
        repo.git("status")
    assert marker.exists()


async def test_the_console_script_takes_no_module_from_the_folder(repo: Repo) -> None:
    repo.write({"app/__init__.py": "", "app/cli.py": "raise SystemExit(7)\n", "json.py": "raise SystemExit(8)\n"})
    console = Console(folder=repo.folder, home=repo.folder.parent / "home", temp=repo.folder.parent / "temp")
    ran = await console.run("--help")
    assert ran.code == 0
    assert "A folder, or the address of a pull request." in ran.out
