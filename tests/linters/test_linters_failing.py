"""A linter that crashes, hangs, floods or lies costs its own findings and nothing else, and leaves nothing behind."""

import asyncio
import os
import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from reviewers.linters.reviewer import Linters
from reviewers.linters.run import OUR_PROGRAMS, SYSTEM_PATH
from tests.linters.kinds import ChangeOf

BUG = "rows = [[0]] * 3\n"


def stand_in(folder: Path, script: str) -> str:
    """A search path where `ruff` is this shell script."""
    folder.mkdir(exist_ok=True)
    (folder / "ruff").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "ruff").chmod(0o755)
    return f"{folder}:{OUR_PROGRAMS}:{SYSTEM_PATH}"


FAILURES = [
    ("exit 2", "ruff ended with exit code 2"),
    ("exit 0", "ruff printed what cannot be read"),
    ("echo '[{\"code\": 7}]'", "ruff printed what cannot be read"),
    ("echo '[1, NaN'", "ruff printed what cannot be read"),
    ("kill -SEGV $$", "ruff was killed by SIGSEGV"),
    ("sleep 60", "ruff timed out after 1 s"),
    ("sleep 60 & echo '[]'", "ruff timed out after 1 s"),
    ("exec >&-; exec 2>&-; sleep 60", "ruff timed out after 1 s"),
    ("yes", "ruff printed more than 8 MB"),
    ("yes >&2", "ruff printed more than 8 MB"),
    ("trap '' TERM INT HUP; while :; do sleep 1; done", "ruff timed out after 1 s"),
]


@pytest.mark.parametrize(("script", "reason"), FAILURES)
async def test_a_failing_linter_is_named_and_the_others_stand(
    tmp_path: Path, change_of: ChangeOf, script: str, reason: str
) -> None:
    linters = Linters(search_path=stand_in(tmp_path / "bin", script), deadline=timedelta(seconds=1))
    report = await linters.review(change_of({"a.py": BUG, "b.txt": "text\n"}))
    assert [(one.path, one.state, one.reason) for one in report.readings] == [
        ("a.py", "failed", reason),
        ("b.txt", "reviewed", ""),
    ]
    assert [one.rule for one in report.findings] == ["py-repeated-mutable"]
    assert report.analysers[0].endswith(" (failed)")


async def test_a_program_that_cannot_be_started_is_a_failure(tmp_path: Path, change_of: ChangeOf) -> None:
    search_path = stand_in(tmp_path / "bin", "")
    (tmp_path / "bin" / "ruff").write_bytes(b"\x7fELF not a program")
    report = await Linters(search_path=search_path).review(change_of({"a.py": BUG}))
    assert report.readings[0].reason.startswith("ruff could not be started: ")


async def test_a_linter_stands_behind_those_who_answer_deliveries(tmp_path: Path, change_of: ChangeOf) -> None:
    script = f"until [ $(nice) -gt {os.getpriority(os.PRIO_PROCESS, 0)} ]; do sleep 0.01; done; echo '[]'"
    report = await Linters(search_path=stand_in(tmp_path / "bin", script)).review(change_of({"a.py": BUG}))
    assert [one.state for one in report.readings] == ["reviewed"]


async def test_hits_on_files_that_were_not_asked_for_are_dropped(tmp_path: Path, change_of: ChangeOf) -> None:
    where = '"location": {"row": 1}, "end_location": {"row": 1}'
    lie = f'[{{"code": "F821", "message": "m", "filename": "/etc/passwd", {where}}}]'
    report = await Linters(search_path=stand_in(tmp_path / "bin", f"echo '{lie}'")).review(change_of({"a.py": BUG}))
    assert [one.rule for one in report.findings] == ["py-repeated-mutable"]


async def test_the_whole_process_group_is_gone_after_a_timeout(tmp_path: Path, change_of: ChangeOf) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 300 & echo $! $$ > {pids}; sleep 300"
    linters = Linters(search_path=stand_in(tmp_path / "bin", script), deadline=timedelta(seconds=0.5))
    await linters.review(change_of({"a.py": BUG}))
    assert await asyncio.to_thread(_still_running, pids.read_text().split()) == []


async def test_a_cancelled_review_leaves_no_process_and_no_folder(tmp_path: Path, change_of: ChangeOf) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 300 & echo $! $$ $HOME > {pids}; sleep 300"
    linters = Linters(search_path=stand_in(tmp_path / "bin", script))
    review = asyncio.create_task(linters.review(change_of({"a.py": BUG})))
    await asyncio.to_thread(_wait_for_text, pids)
    review.cancel()
    with pytest.raises(asyncio.CancelledError):
        await review
    *running, home = pids.read_text().split()
    assert await asyncio.to_thread(_still_running, running) == []
    assert not os.path.lexists(home)


async def test_a_program_sees_no_variable_and_no_home_of_ours(
    tmp_path: Path, change_of: ChangeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "canary")
    seen = tmp_path / "seen"
    # Through a program, not "set": the shell adds variables of its own.
    script = f"env > {seen}; pwd > {seen}.folder; echo '[]'"
    change = change_of({"a.py": BUG})
    await Linters(search_path=stand_in(tmp_path / "bin", script)).review(change)
    variables = dict(line.split("=", 1) for line in seen.read_text().splitlines())
    # What a shell adds by itself.
    told = set(variables) - {"PWD", "OLDPWD", "SHLVL", "_"}
    assert told == {"HOME", "LC_ALL", "NO_COLOR", "PATH", "RAYON_NUM_THREADS", "TMPDIR", "TY_MAX_PARALLELISM"}
    assert variables["PATH"] == SYSTEM_PATH
    assert variables["HOME"] == variables["TMPDIR"] != os.environ["HOME"]
    assert (tmp_path / "seen.folder").read_text().strip() == str(change.head_root)


async def test_two_programs_run_at_once_and_no_more(tmp_path: Path, change_of: ChangeOf) -> None:
    search_path = stand_in(
        tmp_path / "bin",
        f"cd {tmp_path}; touch on.$$; ls | grep -c ^on >> most; sleep 0.2; rm on.$$; echo '[]'",
    )
    for name in ("ty", "ast-grep", "shellcheck", "oxlint"):
        (tmp_path / "bin" / name).symlink_to("ruff")
    await Linters(search_path=search_path).review(change_of({"a.py": BUG, "a.ts": "x\n", "a.sh": "x\n"}))
    assert max(map(int, (tmp_path / "most").read_text().split())) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can limit another process's memory")
async def test_memory_is_limited(tmp_path: Path, change_of: ChangeOf) -> None:
    code = "import time; time.sleep(.3); b'x' * (3 * 1024**3)"
    search_path = stand_in(tmp_path / "bin", f'exec {shutil.which("python3") or sys.executable} -I -c "{code}"')
    report = await Linters(search_path=search_path).review(change_of({"a.py": BUG}))
    assert report.readings[0].reason == "ruff ended with exit code 1"


def _wait_for_text(file: Path) -> None:
    end = time.monotonic() + 10
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < end, "the program did not start in 10 s"
        time.sleep(0.02)


def _still_running(pids: list[str]) -> list[str]:
    """Those that are there after a moment: a killed process dies when the machine next gives it a turn."""
    end = time.monotonic() + 5
    while (running := [pid for pid in pids if _runs(pid)]) and time.monotonic() < end:
        time.sleep(0.02)
    return running


def _runs(pid: str) -> bool:
    """Whether a process is there and no zombie."""
    try:
        os.kill(int(pid), 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
