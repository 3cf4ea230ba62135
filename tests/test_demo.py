"""The demo as a stranger runs it: it shows every promise being kept, and leaves nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CORRIGENT = Path(sys.executable).with_name("corrigent")


def environment(folder: Path) -> dict[str, str]:
    # A key in the environment is there to be left alone.
    return {"PATH": os.environ["PATH"], "TMPDIR": str(folder), "ANTHROPIC_API_KEY": "sk-ant-never-used-by-the-demo"}


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-I", str(CORRIGENT), "demo", "--port", "0", *options]
    return subprocess.Popen(
        command, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder
    )


def left_behind(folder: Path) -> list[str]:
    """Files of the demo, and processes that were started for it."""
    processes: list[str] = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words:
            processes.append(words)
    return [*processes, *(path.name for path in folder.iterdir())]


@pytest.mark.timeout(180)
def test_every_promise_is_shown_being_kept(tmp_path: Path) -> None:
    if shutil.which("bwrap") is None and os.environ.get("CI") != "true":
        pytest.skip("needs bwrap, which fixes are made in")
    demo = start(tmp_path, "--once", "--require-fixes")
    output, _ = demo.communicate(timeout=150)
    assert demo.returncode == 0, output
    for sentence in (
        "A retried webhook pays the customer twice",
        '2 comments, 1 notification · check: neutral "1 high, 1 medium · 4 files reviewed"',
        'nothing posted · check: success "No problems found · 2 files, 2 hunks"',
        'nothing posted · check: neutral "Incomplete · 2 of 2 files not reviewed"',
        "merge request opened by sam on GitLab",
        "1 comment, 1 notification · no commit status: it only advises",
        "1 review, 0 doubled",
        "same patch · result carried over · 0 model calls, 0 new comments",
        '👍 · thread resolved, no comment · check: neutral "1 high · 4 files reviewed"',
        "['o1', 'o… → pass",
        '0 threads open · check: success "No problems found · 5 files, 5 hunks"',
        "conversation, change, proof, logs: http://127.0.0.1:",
        "ruff F901 shop/parcels.py",
        '0 threads open · check: success "No problems found · 2 files, 2 hunks"',
        "red first, green after; 5 secrets planted outside the sandbox, 0 seen inside",
    ):
        assert sentence in output, output
    assert "NOT KEPT" not in output
    assert left_behind(tmp_path) == []


@pytest.mark.timeout(120)
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = start(tmp_path)
    assert demo.stdout is not None
    for line in demo.stdout:
        if "shop 1" in line:
            break
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 130
    demo.stdout.close()
    deadline = time.monotonic() + 10
    while left_behind(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left_behind(tmp_path) == []
