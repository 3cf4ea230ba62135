"""The runner: what reaches git, what never does, and that nothing is left behind."""

import asyncio
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from app.checkouts.git import Git, GitError, GitTimeout, OutputTooLarge, network_config
from tests.checkouts.repos import Repo, TestAccess


@pytest.fixture
def git(repo: Repo) -> Git:
    return Git(git_dir=repo.folder / ".git")


async def test_nothing_of_our_environment_reaches_git(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRIGENT_SECRET", "canary")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.fsmonitor=/bin/evil'")
    aliased = {"alias.show-environment": "!env"}
    printed = (await git.run("show-environment", config=aliased)).decode()
    assert "canary" not in printed
    assert "/bin/evil" not in printed
    assert "GIT_TERMINAL_PROMPT=0" in printed


async def test_settings_that_could_run_or_ask_are_off(git: Git) -> None:
    listed = (await git.run("config", "--list")).decode()
    for setting in (
        "safe.barerepository=explicit",
        "core.hookspath=/dev/null",
        "core.fsmonitor=false",
        "http.followredirects=false",
        "transfer.fsckobjects=true",
    ):
        assert setting in listed


async def test_a_failure_is_one_sentence_without_credentials(git: Git) -> None:
    with pytest.raises(GitError) as error:
        await git.run("fetch", "https://user:ghs_secret@forge.example/x", "Authorization: Basic c2VjcmV0")
    assert "ghs_secret" not in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("git fetch failed (128):")


async def test_no_protocol_is_spoken_unless_allowed(git: Git, repo: Repo) -> None:
    with pytest.raises(GitError, match="transport 'file' not allowed"):
        await git.run("fetch", repo.access.url)


async def test_credentials_hold_for_one_host_and_stand_in_no_argument() -> None:
    access = TestAccess(
        url="https://ghes.example:8443/o/r.git", header="Authorization: Basic c2Vj", ca_file="/ca.pem", proxy="http://p"
    )
    assert network_config(access) == {
        "http.https://ghes.example:8443/.extraHeader": "Authorization: Basic c2Vj",
        "http.https://ghes.example:8443/.sslCAInfo": "/ca.pem",
        "http.https://ghes.example:8443/.proxy": "http://p",
    }
    with pytest.raises(GitError, match="must not hold a user name"):
        network_config(TestAccess(url="https://user:token@ghes.example/o/r.git"))


async def test_too_much_output_is_stopped(git: Git, repo: Repo) -> None:
    head = repo.commit({"large.txt": "x" * 3_000_000})
    with pytest.raises(OutputTooLarge):
        await git.run("cat-file", "blob", f"{head}:large.txt", output_cap=1_000_000)


async def test_large_input_and_output_at_once_do_not_block_each_other(git: Git) -> None:
    lines = b"".join(b"%040d\n" % number for number in range(50_000))
    output = await git.run("cat-file", "--batch-check", stdin=lines)
    assert output.count(b" missing\n") == 50_000


async def test_a_deadline_kills_the_whole_family(git: Git, tmp_path: Path) -> None:
    with pytest.raises(GitTimeout):
        await git.run("nap", config=napping(tmp_path), deadline=timedelta(seconds=0.3))
    await gone(tmp_path)


async def test_cancelling_kills_the_whole_family(git: Git, tmp_path: Path) -> None:
    task = asyncio.create_task(git.run("nap", config=napping(tmp_path)))
    assert await became((tmp_path / "pid").exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(tmp_path)


async def test_who_reads_slowly_may_leave_early(git: Git) -> None:
    """With more to be read than asyncio takes in advance."""
    talkative = Git(git_dir=git.git_dir, config={"alias.talk": "!yes"})
    async with asyncio.timeout(30), talkative.stream("talk", stdin=b"", output_cap=2**40) as chunks:
        assert await anext(chunks)
        for _ in range(50):
            await asyncio.sleep(0.001)


async def test_the_event_loop_goes_on_meanwhile(git: Git, tmp_path: Path) -> None:
    task = asyncio.create_task(git.run("nap", config=napping(tmp_path), deadline=timedelta(seconds=0.3)))
    ticks = 0
    while not task.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert ticks > 10
    assert isinstance(task.exception(), GitTimeout)


async def test_a_pipe_moves_more_than_a_pipe_holds(git: Git, repo: Repo) -> None:
    before = repo.head
    after = repo.commit({"large.txt": "".join(f"line {number}\n" for number in range(100_000))})
    output = await git.pipe(("diff", before, after), ("patch-id", "--verbatim"))
    assert len(output.split()[0]) == 40


def napping(folder: Path) -> dict[str, str]:
    """A grandchild that would outlive git by a minute."""
    return {"alias.nap": f"!sleep 60 & echo $! > {folder}/pid.new; mv {folder}/pid.new {folder}/pid; wait"}


async def gone(folder: Path) -> None:
    pid = int((folder / "pid").read_text())
    assert await became(lambda: not _runs(pid))


async def became(condition: Callable[[], bool]) -> bool:
    for _ in range(250):
        if condition():
            return True
        await asyncio.sleep(0.02)
    return False


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or ") Z " not in stat.read_text()
