"""Fetching: exactly what is needed, once, without a trace of credentials, whatever was interrupted before."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.checkouts import mirror_files, mirrors
from app.checkouts.git import GitError
from app.checkouts.mirrors import AccessDenied, HeadGone, Mirrors, Wanted
from app.domain.errors import UserError
from tests.checkouts.repos import TOKEN, GitServer, Key, Repo, TestAccess, serve

KEY = Key()


@pytest.fixture
def store(tmp_path: Path) -> Mirrors:
    return Mirrors(tmp_path / "mirrors", protocols=("file", "http"))


@pytest.fixture
def server(repo: Repo) -> Iterator[GitServer]:
    with serve(repo.folder) as running:
        yield running


def wanted(repo: Repo, head: str, *, base: str = "main", base_sha: str | None = None) -> Wanted:
    return Wanted(
        head_ref="refs/pull/1/head",
        head_sha=head,
        base_ref=base,
        base_sha=base_sha or repo.sha("main"),
        default_branch="main",
    )


def open_pull_request(repo: Repo, count: int = 1) -> str:
    """A branch with commits, known to the forge as refs/pull/1/head only."""
    repo.switch("feature", "main")
    head = repo.commits(count, "feature.txt")
    repo.git("update-ref", "refs/pull/1/head", head)
    repo.switch("main")
    return head


async def test_a_pull_request_is_fetched_once_and_never_again(repo: Repo, store: Mirrors, server: GitServer) -> None:
    base = repo.head
    head = open_pull_request(repo)
    found = await store.fetch(KEY, server.access(), wanted(repo, head))
    assert (found.head_sha, found.merge_base_sha, found.default_sha) == (head, base, base)
    assert found.head_tree_id == repo.sha(f"{head}^{{tree}}")
    requests = len(server.requests)
    assert await store.fetch(KEY, server.access(), wanted(repo, head)) == found
    assert len(server.requests) == requests


async def test_what_a_look_fetched_is_told_once_more_without_looking(
    repo: Repo, store: Mirrors, tmp_path: Path
) -> None:
    asked = wanted(repo, open_pull_request(repo))
    looked = await store.fetch(KEY, repo.access, asked, refresh=True)
    mirror = tmp_path / "mirrors" / "github" / "42.git"
    mirror.rename(mirror.with_suffix(".away"))
    assert await store.fetch(KEY, repo.access, asked) == looked
    assert not mirror.exists()
    assert await store.fetch(KEY, repo.access, asked) == looked
    assert mirror.exists()


async def test_twenty_reviews_at_once_fetch_once(repo: Repo, tmp_path: Path, server: GitServer) -> None:
    head = open_pull_request(repo)
    stores = [Mirrors(tmp_path / "mirrors", protocols=("http",)) for _ in range(2)]
    fetches = [stores[n % 2].fetch(KEY, server.access(), wanted(repo, head)) for n in range(20)]
    assert len(set(await asyncio.gather(*fetches))) == 1
    assert sum(path.endswith("/info/refs?service=git-upload-pack") for path, _ in server.requests) == 1


async def test_refresh_sees_a_configuration_that_was_just_merged(repo: Repo, store: Mirrors) -> None:
    base = repo.head
    request = wanted(repo, open_pull_request(repo))
    await store.fetch(KEY, repo.access, request)
    tip = repo.commit({".corrigent.yaml": "review: once\n"})
    assert (await store.fetch(KEY, repo.access, request)).default_sha == base
    found = await store.fetch(KEY, repo.access, request, refresh=True)
    assert (found.default_sha, found.merge_base_sha) == (tip, base)
    assert await store.read_file(KEY, tip, ".corrigent.yaml") == b"review: once\n"


async def test_no_credential_is_on_disk_and_the_header_goes_to_its_host_only(
    repo: Repo, store: Mirrors, server: GitServer, tmp_path: Path
) -> None:
    head = open_pull_request(repo)
    await store.fetch(KEY, server.access(), wanted(repo, head))
    header = server.access().header.partition(": ")[2]
    assert all(headers["authorization"] == header for _, headers in server.requests)
    for file in (tmp_path / "mirrors").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert TOKEN.encode() not in content
            assert header.encode() not in content
            assert server.origin.encode() not in content


async def test_a_redirect_is_not_followed(repo: Repo, store: Mirrors, server: GitServer) -> None:
    head = open_pull_request(repo)
    with serve(repo.folder) as other:
        server.redirect_to = other.origin
        with pytest.raises(GitError):
            await store.fetch(KEY, server.access(), wanted(repo, head))
        assert other.requests == []


@pytest.mark.parametrize("header", ["", "Authorization: Basic d3Jvbmc="])
async def test_a_refused_token_is_a_refusal(repo: Repo, store: Mirrors, server: GitServer, header: str) -> None:
    head = open_pull_request(repo)
    with pytest.raises(AccessDenied):
        await store.fetch(KEY, TestAccess(url=server.access().url, header=header), wanted(repo, head))


async def test_a_protocol_that_was_not_allowed_is_not_spoken(repo: Repo, tmp_path: Path, server: GitServer) -> None:
    store = Mirrors(tmp_path / "mirrors")
    with pytest.raises(GitError, match="not allowed"):
        await store.fetch(KEY, server.access(), wanted(repo, open_pull_request(repo)))
    assert server.requests == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".git", "x" * 101])
async def test_only_plain_ids_become_folders(repo: Repo, store: Mirrors, name: str) -> None:
    with pytest.raises(GitError, match="not a connection's key"):
        await store.fetch(Key(repo_id=name), repo.access, wanted(repo, repo.head))


async def test_history_is_fetched_as_deep_as_the_merge_base_lies(repo: Repo, store: Mirrors, tmp_path: Path) -> None:
    base = repo.commits(100)
    head = open_pull_request(repo, 80)
    first = await store.fetch(KEY, repo.access, wanted(repo, head))
    assert first.merge_base_sha == base
    assert mirror_files.depth(tmp_path / "mirrors" / "github" / "42.git") == 512
    shallow = mirror_files.shallow_commits(tmp_path / "mirrors" / "github" / "42.git")
    assert not shallow, "181 commits are less than 512"


async def test_a_shallow_history_stays_small_and_every_pull_request_still_finds_its_base(
    repo: Repo, store: Mirrors, tmp_path: Path
) -> None:
    old_base = repo.commits(100)
    repo.switch("old", old_base)
    old_head = repo.commit({"old.py": "1\n"})
    repo.switch("main")
    new_base = repo.commits(100)
    new_head = open_pull_request(repo)
    mirror = tmp_path / "mirrors" / "github" / "42.git"
    assert (await store.fetch(KEY, repo.access, wanted(repo, new_head))).merge_base_sha == new_base
    assert mirror_files.depth(mirror) == 64
    assert len(mirror_files.shallow_commits(mirror)) == 1
    # Its base lies 100 commits back, behind the cut.
    assert (await store.fetch(KEY, repo.access, wanted(repo, old_head))).merge_base_sha == old_base
    assert (await store.fetch(KEY, repo.access, wanted(repo, new_head))).merge_base_sha == new_base


async def test_a_cut_history_never_gives_a_wrong_merge_base(repo: Repo, store: Mirrors) -> None:
    root = repo.head
    # The true merge base is 70 commits back on main; a side branch merged on both sides leads to the root in 3.
    repo.switch("side", root)
    repo.commit({"side.txt": "1\n"})
    repo.switch("main")
    true_base = repo.commits(70)
    repo.switch("feature", true_base)
    repo.commits(70, "feature.txt")
    head = repo.merge("side")
    repo.switch("main")
    repo.commits(70, "main.txt")
    base = repo.merge("side")
    expected = repo.git("merge-base", head, base)
    assert (await store.fetch(KEY, repo.access, wanted(repo, head, base_sha=base))).merge_base_sha == expected


async def test_a_base_recorded_long_ago_does_not_make_others_work_ours(repo: Repo, store: Mirrors) -> None:
    recorded = repo.head
    open_pull_request(repo)
    tip = repo.commit({"theirs.py": "1\n"})
    repo.switch("feature")
    head = repo.merge("main")
    repo.switch("main")
    found = await store.fetch(KEY, repo.access, wanted(repo, head, base_sha=recorded))
    assert found.merge_base_sha == tip


async def test_unrelated_histories_are_told_to_the_user(repo: Repo, store: Mirrors) -> None:
    repo.git("switch", "-q", "--orphan", "island")
    head = repo.commit({"island.py": "1\n"})
    repo.switch("main")
    with pytest.raises(UserError, match="no common commit"):
        await store.fetch(KEY, repo.access, wanted(repo, head))


async def test_a_head_that_was_pushed_away_is_gone(repo: Repo, store: Mirrors) -> None:
    open_pull_request(repo)
    with pytest.raises(HeadGone):
        await store.fetch(KEY, repo.access, wanted(repo, "1" * 40))
    repo.git("update-ref", "-d", "refs/pull/1/head")
    with pytest.raises(HeadGone):
        await store.fetch(KEY, repo.access, wanted(repo, "1" * 40))


async def test_a_forge_that_serves_refs_only_is_asked_by_ref(repo: Repo, store: Mirrors, server: GitServer) -> None:
    head = open_pull_request(repo)
    server.refuses_ids = True
    found = await store.fetch(KEY, server.access(), wanted(repo, head))
    assert found.head_sha == head


async def test_a_deleted_base_branch_is_replaced_by_its_commit(repo: Repo, store: Mirrors) -> None:
    head = open_pull_request(repo)
    found = await store.fetch(KEY, repo.access, wanted(repo, head, base="release/1.0"))
    assert found.merge_base_sha == repo.sha("main")


async def test_branches_that_hinder_each_other_as_files_do_not(repo: Repo, store: Mirrors) -> None:
    head = open_pull_request(repo)
    repo.git("branch", "release")
    await store.fetch(KEY, repo.access, wanted(repo, head, base="release"))
    repo.git("branch", "-D", "release")
    repo.git("branch", "release/$(touch${IFS}x);1")
    second = open_second(repo)
    found = await store.fetch(KEY, repo.access, wanted(repo, second, base="release/$(touch${IFS}x);1"))
    assert found.head_sha == second


def open_second(repo: Repo) -> str:
    repo.switch("second", "main")
    head = repo.commit({"second.py": "1\n"})
    repo.switch("main")
    return head


@pytest.mark.parametrize(
    "commit",
    [
        b"committer Maria <maria@example.com> 1 +051800\n",
        b"committer Maria <maria@example.com>1 +0000\n",
    ],
    ids=["badTimezone", "missingSpaceBeforeDate"],
)
async def test_old_slips_in_history_do_not_stop_a_review(repo: Repo, store: Mirrors, commit: bytes) -> None:
    tree = repo.sha("HEAD^{tree}")
    text = f"tree {tree}\nparent {repo.head}\nauthor Maria <maria@example.com> 1 +0000\n".encode() + commit + b"\nx\n"
    old = repo.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=text)
    repo.git("update-ref", "refs/heads/main", old)
    head = open_pull_request(repo)
    assert (await store.fetch(KEY, repo.access, wanted(repo, head))).merge_base_sha == old


async def test_a_tree_that_reaches_into_dot_git_is_refused(repo: Repo, store: Mirrors) -> None:
    blob = repo.sha("HEAD:README.md")
    inner = repo.git("mktree", stdin=f"100644 blob {blob}\tconfig\n".encode())
    name = bytes.fromhex(inner)
    tree = repo.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=b"40000 .git\0" + name)
    head = repo.git("commit-tree", tree, "-p", "HEAD", "-m", "evil")
    with pytest.raises(GitError, match="fetch failed"):
        await store.fetch(KEY, repo.access, wanted(repo, head))


async def test_left_overs_of_a_killed_fetch_are_cleared_away(repo: Repo, store: Mirrors, tmp_path: Path) -> None:
    await store.fetch(KEY, repo.access, wanted(repo, open_pull_request(repo)))
    mirror = tmp_path / "mirrors" / "github" / "42.git"
    second = open_second(repo)
    ref = next(path for path in (mirror / "refs" / "corrigent").iterdir())
    for stale in ("shallow.lock", "packed-refs.lock", f"refs/corrigent/{ref.name}.lock", "objects/pack/tmp_pack_x"):
        (mirror / stale).write_text("")
    assert (await store.fetch(KEY, repo.access, wanted(repo, second))).head_sha == second
    assert not list(mirror.rglob("tmp_pack*"))


async def test_a_damaged_mirror_is_made_anew(repo: Repo, store: Mirrors, tmp_path: Path) -> None:
    request = wanted(repo, open_pull_request(repo))
    first = await store.fetch(KEY, repo.access, request)
    for pack in (tmp_path / "mirrors" / "github" / "42.git" / "objects" / "pack").glob("*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:40])
    assert await store.fetch(KEY, repo.access, request) == first


async def test_a_killed_fetch_leaves_a_usable_mirror(repo: Repo, tmp_path: Path, server: GitServer) -> None:
    repo.commit({f"file{number}.bin": os.urandom(200_000) for number in range(20)})
    head = open_pull_request(repo)
    request = wanted(repo, head)
    for delay in (0.15, 0.25, 0.35):
        script = (
            "import asyncio, sys\nfrom pathlib import Path\nfrom tests.checkouts.repos import Key, TestAccess\n"
            "from app.checkouts.mirrors import Mirrors, Wanted\n"
            "store = Mirrors(Path(sys.argv[1]), protocols=('http',))\nprint('ready', flush=True)\n"
            "wanted = Wanted.model_validate_json(sys.argv[4])\n"
            "asyncio.run(store.fetch(Key(), TestAccess(url=sys.argv[2], header=sys.argv[3]), wanted))\n"
        )
        arguments = [str(tmp_path / "mirrors"), server.access().url, server.access().header, request.model_dump_json()]
        victim = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, *arguments, stdout=subprocess.PIPE, start_new_session=True
        )
        assert victim.stdout is not None
        await victim.stdout.readline()
        await asyncio.sleep(delay)
        if victim.returncode is None:
            os.killpg(victim.pid, signal.SIGKILL)
        await victim.wait()
    store = Mirrors(tmp_path / "mirrors", protocols=("http",))
    found = await store.fetch(KEY, server.access(), request)
    diff = await store.diff(KEY, found.merge_base_sha, head, limits=mirrors.SizeLimits())
    assert [file.path for file in diff.files] == ["feature.txt"]


async def test_a_lock_held_by_another_process_is_waited_for(repo: Repo, store: Mirrors, tmp_path: Path) -> None:
    request = wanted(repo, open_pull_request(repo))
    lock = tmp_path / "mirrors" / "github" / "42.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        fetching = asyncio.create_task(store.fetch(KEY, repo.access, request))
        await asyncio.sleep(0.1)
        assert not fetching.done()
    assert (await fetching).head_sha == request.head_sha


async def test_many_fetches_do_not_pile_up_packs(
    repo: Repo, store: Mirrors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "_MANY_PACKS", 3)
    heads: list[str] = []
    repo.switch("feature", "main")
    for number in range(6):
        heads.append(repo.commit({"a.py": f"a = {number}\n"}))
        await store.fetch(KEY, repo.access, wanted(repo, heads[-1]))
    assert mirror_files.pack_count(tmp_path / "mirrors" / "github" / "42.git") <= 4
    # Old heads are kept: findings are followed from them.
    diff = await store.diff(KEY, heads[0], heads[-1], limits=mirrors.SizeLimits())
    assert diff.files[0].added_lines == {1}


async def test_the_longest_unused_mirrors_make_room(repo: Repo, store: Mirrors, tmp_path: Path) -> None:
    request = wanted(repo, open_pull_request(repo))
    for repo_id in ("1", "2", "3"):
        await store.fetch(Key(repo_id=repo_id), repo.access, request)
    folder = tmp_path / "mirrors" / "github"
    now = datetime.now(UTC)
    for repo_id, hours in (("1", 50), ("2", 3), ("3", 0)):
        at = (now - timedelta(hours=hours)).timestamp()
        os.utime(folder / f"{repo_id}.git" / "corrigent-used", (at, at))
    left = lambda: sorted(path.name for path in folder.glob("*.git"))  # noqa: E731 - read three times
    assert await store.evict(max_bytes=10**9, unused_for=timedelta(hours=48), now=now) == 1
    assert left() == ["2.git", "3.git"]
    # What was used a moment ago stays even when there is no room.
    assert await store.evict(max_bytes=0, unused_for=timedelta(hours=48), now=now) == 1
    assert left() == ["3.git"]
    assert (await store.fetch(Key(repo_id="1"), repo.access, request)).head_sha == request.head_sha
