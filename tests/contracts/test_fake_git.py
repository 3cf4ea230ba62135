"""The fake GitHub's git side: real clones and pushes with tokens, and what a push sets in motion."""

import asyncio
from pathlib import Path

import pytest

from app.domain.pull_request import Permission
from app.forges.fake.commits import TreeEntry
from app.forges.fake.git import start_git
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import FIX_PERMISSIONS, AppCredentials, FakeForge
from tests.contracts.support import CHANGED, FILE, git, mint


@pytest.fixture
async def repo(forge: FakeForge) -> FakeRepo:
    return await forge.create_repo("acme/shop", files={"shop.py": FILE})


async def token_for(forge: FakeForge, app: AppCredentials, **permissions: str) -> str:
    return (await mint(forge, app, permissions=permissions)).json()["token"]


async def clone(repo: FakeRepo, folder: Path, token: str) -> Path:
    code, output = await git("clone", "-q", repo.clone_url, "work", folder=folder, token=token)
    assert code == 0, output
    return folder / "work"


async def commit(work: Path, name: str, text: str) -> None:
    (work / name).parent.mkdir(parents=True, exist_ok=True)
    (work / name).write_text(text)
    await git("add", ".", folder=work)
    code, output = await git("commit", "-q", "-m", "Mended", folder=work)
    assert code == 0, output


async def test_who_may_read_and_who_may_push(forge: FakeForge, repo: FakeRepo, tmp_path: Path) -> None:
    app = await forge.install_app()
    public = await forge.create_repo("acme/open", private=False)
    reading = await token_for(forge, app, contents="read")
    no_contents = await token_for(forge, app, pull_requests="write")
    rows = [
        (repo, "", 128, "could not read Username"),
        (repo, "ghs_wrong", 128, "could not read Username"),
        (repo, no_contents, 128, "403"),
        (repo, reading, 0, ""),
        (repo, forge.personal_token("stranger"), 128, "not found"),
        (repo, forge.personal_token("maria"), 0, ""),
        (public, "", 0, ""),
    ]
    for place, token, expected, words in rows:
        code, output = await git("ls-remote", place.clone_url, folder=tmp_path, token=token)
        assert (code, words in output) == (expected, True), output
    work = await clone(repo, tmp_path, reading)
    await commit(work, "new.txt", "1\n")
    code, output = await git("push", "-q", "origin", "main", folder=work, token=reading)
    assert code != 0
    assert "403" in output
    assert await repo.git.resolve("main") != (await git("rev-parse", "HEAD", folder=work))[1].strip()


async def test_a_push_moves_the_pull_request_and_is_told(forge: FakeForge, repo: FakeRepo, tmp_path: Path) -> None:
    app = await forge.install_app(permissions=FIX_PERMISSIONS)
    forge.webhook_url = "http://127.0.0.1:1/nobody"
    pull = await repo.open_pull_request(branch="feature", changes={"shop.py": CHANGED})
    before = pull.head_sha
    token = await token_for(forge, app, contents="write")
    work = await clone(repo, tmp_path, token)
    await git("checkout", "-q", "feature", folder=work)
    await commit(work, "shop.py", CHANGED.replace("five", "5"))
    code, output = await git(
        "push", f"--force-with-lease=refs/heads/feature:{before}", "origin", "feature", folder=work, token=token
    )
    assert code == 0, output
    assert pull.head_sha == (await git("rev-parse", "HEAD", folder=work))[1].strip() != before
    sent = next(one.payload for one in forge.deliveries if one.action == "synchronize")
    assert (sent["before"], sent["after"]) == (before, pull.head_sha)
    stale, output = await git(
        "push", f"--force-with-lease=refs/heads/feature:{before}", "origin", "HEAD~1:feature", folder=work, token=token
    )
    assert stale != 0
    assert "stale info" in output
    gone, _ = await git("push", "origin", ":feature", folder=work, token=token)
    assert gone == 0
    assert pull.pull.state == "closed"


async def test_exactly_the_needed_commits_can_be_fetched(forge: FakeForge, repo: FakeRepo, tmp_path: Path) -> None:
    app = await forge.install_app()
    fork = await repo.fork("sam")
    pull = await repo.open_pull_request(author="sam", changes={"shop.py": CHANGED}, from_fork=fork)
    pull.delete_fork()
    token = await token_for(forge, app, contents="read")
    await git("init", "-q", "--bare", "mirror", folder=tmp_path)
    fetch = ("fetch", "-q", "--depth=1", "--filter=blob:none", repo.clone_url)
    code, output = await git(*fetch, "refs/pull/1/head", pull.head_sha, folder=tmp_path / "mirror", token=token)
    assert code == 0, output
    _, found = await git("rev-parse", "FETCH_HEAD", folder=tmp_path / "mirror")
    assert found.strip() == pull.head_sha
    refused, _ = await git(*fetch, "1" * 40, folder=tmp_path / "mirror", token=token)
    assert refused != 0


async def test_what_github_refuses_in_a_push(forge: FakeForge, repo: FakeRepo, tmp_path: Path) -> None:
    app = await forge.install_app(permissions=FIX_PERMISSIONS)
    token = await token_for(forge, app, contents="write")
    work = await clone(repo, tmp_path, token)
    await commit(work, ".github/workflows/ci.yml", "on: push\n")
    code, output = await git("push", "origin", "HEAD:refs/heads/bot", folder=work, token=token)
    assert code != 0
    assert "refusing to allow a GitHub App to create or update workflow" in output
    code, output = await git(
        "push", "origin", "HEAD:refs/heads/person", folder=work, token=forge.personal_token("maria")
    )
    assert code == 0, output
    repo.protect("main")
    code, output = await git("push", "origin", "HEAD:main", folder=work, token=forge.personal_token("maria"))
    assert code != 0
    assert "GH006: Protected branch update failed" in output


async def test_a_large_push_arrives_whole(forge: FakeForge, repo: FakeRepo, tmp_path: Path) -> None:
    token = forge.personal_token("maria")
    work = await clone(repo, tmp_path, token)
    # Incompressible and over http.postBuffer, so that git sends it in chunks.
    (work / "big.bin").write_bytes(bytes((at * at * 31 + at // 7) % 251 for at in range(3_000_000)))
    await commit(work, "note.txt", "with a large file\n")
    code, output = await git("push", "-q", "origin", "HEAD:refs/heads/big", folder=work, token=token)
    assert code == 0, output
    assert len(await repo.git.read_file("big", "big.bin") or b"") == 3_000_000


async def test_a_fake_that_closes_while_git_talks_closes(tmp_path: Path) -> None:
    """However much is left unread by then."""
    talk = ["-c", "alias.talk=!touch begun; yes", "talk"]
    talking = asyncio.create_task(start_git(talk, folder=tmp_path, environment={}, stdin=b""))
    async with asyncio.timeout(30):
        while not (tmp_path / "begun").exists():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        talking.cancel()
        await asyncio.wait([talking])


async def test_force_push_rebase_and_merge_are_real(forge: FakeForge, repo: FakeRepo) -> None:
    pull = await repo.open_pull_request(branch="feature", changes={"shop.py": CHANGED})
    await repo.commit({"base.txt": "new on main\n"})
    first = pull.head_sha
    await pull.push({"two.txt": "2\n"})
    rebased = await pull.rebase()
    assert len(await repo.git.commits(pull.pull.base_sha, rebased)) == 2
    assert await repo.git.read_file(rebased, "base.txt") == b"new on main\n"
    forced = await pull.force_push({"three.txt": "3\n"})
    assert not await repo.git.contains(first, forced)
    await pull.merge(method="squash")
    assert pull.pull.state == "closed"
    assert await repo.git.read_file("main", "three.txt") == b"3\n"
    other = await repo.open_pull_request(branch="other", changes={"four.txt": "4\n"})
    await other.merge()
    assert len((await repo.git.commit_details("main")).parents) == 2


async def test_strange_files_are_told_truly(forge: FakeForge, repo: FakeRepo) -> None:
    app = await forge.install_app()
    del app
    await repo.commit({"link": "plain\n", "moved.txt": FILE}, branch="main")
    pull = await repo.open_pull_request(
        changes={
            "link": TreeEntry("120000", "shop.py"),
            "run.sh": TreeEntry("100755", "#!/bin/sh\n"),
            'a "quoted"\tnäme\n.txt': "x\n",
            "blob.bin": b"\0\1\2",
            "moved.txt": None,
            "sub/moved.txt": FILE,
            "no-newline": "x",
        }
    )
    diff = await repo.git.diff(pull.pull.base_sha, pull.head_sha)
    assert {file.path: (file.status, file.binary, file.patch is None) for file in diff.files} == {
        "link": ("changed", False, False),
        "run.sh": ("added", False, False),
        'a "quoted"\tnäme\n.txt': ("added", False, False),
        "blob.bin": ("added", True, True),
        "sub/moved.txt": ("renamed", False, True),
        "no-newline": ("added", False, False),
    }


async def test_a_role_that_only_reads_may_not_push(forge: FakeForge, repo: FakeRepo, tmp_path: Path) -> None:
    repo.set_role("reader", Permission.TRIAGE)
    token = forge.personal_token("reader")
    work = await clone(repo, tmp_path, token)
    await commit(work, "new.txt", "1\n")
    code, output = await git("push", "-q", "origin", "HEAD:refs/heads/x", folder=work, token=token)
    assert (code != 0 and "denied to reader" in output) or "403" in output
