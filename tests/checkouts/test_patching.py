"""From patch text to a pushed commit: exactly the files the policy saw, on exactly the head it was made for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.checkouts.mirrors import AccessDenied, Mirrors, Wanted
from app.checkouts.patching import BranchMoved, MadeCommit, Patching, PatchRefused, PushRefused, Signature
from app.domain.fixes import SpelledCommit
from tests.checkouts.repos import GitServer, Key, Repo, TestAccess, serve

KEY = Key()
SIGNATURE = Signature(name="corrigent[bot]", email="bot@example.com", at=datetime(2026, 1, 2, tzinfo=UTC))
CART = "shop/cart.py"
FIX = "def total(items):\n    return sum(items, 0.0)\n"


@pytest.fixture
def mirrors(tmp_path: Path) -> Mirrors:
    return Mirrors(tmp_path / "mirrors", protocols=("file", "http"))


@pytest.fixture
def patching(mirrors: Mirrors) -> Patching:
    return Patching(mirrors, protocols=("file", "http"))


@pytest.fixture
def server(repo: Repo) -> Iterator[GitServer]:
    repo.git("config", "http.receivepack", "true")
    repo.git("config", "receive.denyCurrentBranch", "ignore")
    with serve(repo.folder) as running:
        yield running


async def fetched(repo: Repo, mirrors: Mirrors) -> str:
    """The head of a pull request from `feature`, present in the mirror."""
    head = repo.sha("feature")
    wanted = Wanted(
        head_ref="refs/heads/feature", head_sha=head, base_ref="main", base_sha=repo.sha("main"), default_branch="main"
    )
    await mirrors.fetch(KEY, repo.access, wanted)
    return head


def change(repo: Repo, files: dict[str, str | bytes | None], *, links: dict[str, str] | None = None) -> bytes:
    """A patch on `feature` as a sandbox would return it; the repository is left as it was."""
    repo.switch("feature")
    head = repo.head
    repo.write(files)
    for name, target in (links or {}).items():
        (repo.folder / name).symlink_to(target)
    repo.git("add", "-A")
    patch = repo.git("diff", "--cached", "--binary", "--full-index", "HEAD")
    repo.git("reset", "-q", "--hard", head)
    repo.switch("main")
    # The end was stripped; that of a binary file's change is an empty line.
    return patch.encode() + (b"\n\n" if "GIT binary patch" in patch else b"\n")


@pytest.fixture
def pull_request(repo: Repo) -> Repo:
    repo.switch("feature", "main")
    repo.commit({"notes.txt": "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"})
    repo.switch("main")
    return repo


async def made(repo: Repo, mirrors: Mirrors, patching: Patching) -> tuple[MadeCommit, bytes]:
    head = await fetched(repo, mirrors)
    patch = change(repo, {CART: FIX})
    commit = await patching.commit(
        KEY, head_sha=head, patch=patch, paths={CART}, message="Fix: total\n", signature=SIGNATURE
    )
    return commit, patch


async def test_a_fix_becomes_one_commit_on_the_head_and_is_pushed(
    pull_request: Repo, mirrors: Mirrors, patching: Patching, server: GitServer
) -> None:
    repo = pull_request
    commit, patch = await made(repo, mirrors, patching)
    again = await patching.commit(
        KEY, head_sha=commit.parent_sha, patch=patch, paths={CART}, message="Fix: total\n", signature=SIGNATURE
    )
    assert again == commit
    for _ in range(2):
        await patching.push(
            KEY, server.access(), made=commit, branch="feature", expected_sha=commit.parent_sha, default_branch="main"
        )
    assert repo.sha("feature") == commit.commit_sha
    assert repo.git("rev-list", "--parents", "-n1", "feature").split()[1:] == [commit.parent_sha]
    assert repo.git("show", f"feature:{CART}") == FIX.strip()
    assert repo.git("log", "-1", "--format=%an|%s|%at", "feature") == "corrigent[bot]|Fix: total|1767312000"
    assert not list(mirrors.git(KEY).git_dir.glob("index*"))


async def spelled(repo: Repo, mirrors: Mirrors, patching: Patching, files: dict[str, str | bytes | None]) -> MadeCommit:
    head, patch = await fetched(repo, mirrors), change(repo, files)
    return await patching.commit(
        KEY, head_sha=head, patch=patch, paths=files.keys(), message="Fix: total\n\nMends it.\n", signature=SIGNATURE
    )


async def test_a_commit_can_be_spelled_out_and_known_again(
    pull_request: Repo, mirrors: Mirrors, patching: Patching
) -> None:
    repo = pull_request
    wanted: dict[str, str | bytes | None] = {CART: FIX, "new/caf\u00e9.txt": "one\n", "notes.txt": None}
    commit = await spelled(repo, mirrors, patching, wanted)
    assert await patching.spelled_out(KEY, commit) == SpelledCommit(
        parent_sha=commit.parent_sha,
        message="Fix: total\n\nMends it.",
        files={name: None if text is None else str(text).encode() for name, text in wanted.items()},
    )
    repo.switch("feature")
    repo.commit({name: text for name, text in wanted.items() if text is not None}, message="Made elsewhere")
    await fetched(repo, mirrors)
    # What was to be deleted is still there.
    assert not await patching.is_same(KEY, commit, repo.head)
    repo.git("rm", "-q", "notes.txt")
    repo.git("commit", "-q", "--amend", "-m", "Made elsewhere, all of it")
    await fetched(repo, mirrors)
    assert await patching.is_same(KEY, commit, repo.head)
    assert repo.head != commit.commit_sha


async def test_what_only_git_can_say_is_not_spelled_out(
    pull_request: Repo, mirrors: Mirrors, patching: Patching
) -> None:
    repo = pull_request
    commit = await spelled(repo, mirrors, patching, {"logo.png": b"\x89PNG\0"})
    with pytest.raises(PatchRefused, match=r"logo\.png is no text"):
        await patching.spelled_out(KEY, commit)
    repo.switch("feature")
    repo.write({"run.sh": "one\n"})
    repo.git("add", "run.sh")
    repo.git("update-index", "--chmod=+x", "run.sh")
    repo.git("commit", "-q", "-m", "A program")
    repo.git("reset", "-q", "--hard")
    repo.switch("main")
    commit = await spelled(repo, mirrors, patching, {"run.sh": "two\n"})
    with pytest.raises(PatchRefused, match=r"run\.sh is a program"):
        await patching.spelled_out(KEY, commit)


async def test_a_new_branch_is_made_once(pull_request: Repo, mirrors: Mirrors, patching: Patching) -> None:
    repo = pull_request
    commit, _ = await made(repo, mirrors, patching)
    push = {"made": commit, "expected_sha": None, "default_branch": "main"}
    for _ in range(2):
        await patching.push(KEY, repo.access, branch="corrigent/12/1", **push)  # pyright: ignore[reportArgumentType] - the same keywords twice
    assert repo.sha("corrigent/12/1") == commit.commit_sha
    with pytest.raises(BranchMoved):
        await patching.push(KEY, repo.access, branch="feature", **push)  # pyright: ignore[reportArgumentType] - the same keywords twice


async def test_a_branch_is_taken_away_only_where_it_stands_as_it_was_left(
    pull_request: Repo, mirrors: Mirrors, patching: Patching
) -> None:
    commit, _ = await made(pull_request, mirrors, patching)
    access, head = pull_request.access, commit.parent_sha
    await patching.push(KEY, access, made=commit, branch="corrigent/1-1", expected_sha=None, default_branch="main")
    where = {"branch": "corrigent/1-1", "default_branch": "main"}
    with pytest.raises(BranchMoved):
        await patching.remove(access, expected_sha=head, **where)
    await patching.remove(access, expected_sha=commit.commit_sha, **where)
    assert pull_request.git("for-each-ref", "refs/heads/corrigent") == ""
    with pytest.raises(BranchMoved):
        await patching.remove(access, expected_sha=commit.commit_sha, **where)
    with pytest.raises(PushRefused):
        await patching.remove(access, expected_sha=head, branch="main", default_branch="main")


@pytest.mark.parametrize("what", ["a commit", "a deletion"])
async def test_a_branch_that_moved_is_left_alone(
    pull_request: Repo, mirrors: Mirrors, patching: Patching, what: str
) -> None:
    repo = pull_request
    commit, _ = await made(repo, mirrors, patching)
    if what == "a commit":
        repo.switch("feature")
        repo.commit({"other.txt": "foreign\n"})
        repo.switch("main")
    else:
        repo.git("branch", "-q", "-D", "feature")
    before = repo.git("for-each-ref")
    with pytest.raises(BranchMoved):
        await patching.push(
            KEY, repo.access, made=commit, branch="feature", expected_sha=commit.parent_sha, default_branch="main"
        )
    assert repo.git("for-each-ref") == before


async def test_the_default_branch_and_odd_names_are_never_pushed_to(
    pull_request: Repo, mirrors: Mirrors, patching: Patching
) -> None:
    commit, _ = await made(pull_request, mirrors, patching)
    for branch, default in (("feature", "feature"), ("feature", ""), ("a..b", "main"), ("x:refs/heads/main", "main")):
        with pytest.raises(PushRefused):
            await patching.push(
                KEY,
                pull_request.access,
                made=commit,
                branch=branch,
                expected_sha=commit.parent_sha,
                default_branch=default,
            )


async def test_a_commit_on_another_parent_is_never_pushed(
    pull_request: Repo, mirrors: Mirrors, patching: Patching
) -> None:
    commit, _ = await made(pull_request, mirrors, patching)
    claimed = commit.model_copy(update={"parent_sha": pull_request.sha("main")})
    with pytest.raises(PatchRefused):
        await patching.push(
            KEY,
            pull_request.access,
            made=claimed,
            branch="feature",
            expected_sha=claimed.parent_sha,
            default_branch="main",
        )


async def test_a_refusing_forge_is_told_from_a_moved_branch(
    pull_request: Repo, mirrors: Mirrors, patching: Patching, server: GitServer
) -> None:
    repo = pull_request
    commit, _ = await made(repo, mirrors, patching)
    hook = repo.folder / ".git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    push = {"made": commit, "branch": "feature", "expected_sha": commit.parent_sha, "default_branch": "main"}
    with pytest.raises(PushRefused, match="pre-receive hook declined"):
        await patching.push(KEY, repo.access, **push)  # pyright: ignore[reportArgumentType] - the same keywords twice
    stranger = TestAccess(url=server.access().url, header="Authorization: Basic d3Jvbmc=")
    with pytest.raises(AccessDenied):
        await patching.push(KEY, stranger, **push)  # pyright: ignore[reportArgumentType] - the same keywords twice


@pytest.mark.parametrize(
    ("files", "links", "paths"),
    [
        ({CART: FIX, "extra.py": "x\n"}, {}, {CART}),
        ({CART: FIX}, {}, {CART, "extra.py"}),
        ({}, {"link": "/etc/passwd"}, {"link"}),
    ],
    ids=["more than was seen", "less than was seen", "a link"],
)
async def test_a_tree_that_is_not_what_the_policy_saw_is_refused(
    pull_request: Repo,
    mirrors: Mirrors,
    patching: Patching,
    files: dict[str, str | bytes | None],
    links: dict[str, str],
    paths: set[str],
) -> None:
    head = await fetched(pull_request, mirrors)
    patch = change(pull_request, files, links=links)
    with pytest.raises(PatchRefused):
        await patching.commit(KEY, head_sha=head, patch=patch, paths=paths, message="x", signature=SIGNATURE)


@pytest.mark.parametrize(
    "patch",
    [
        b"",
        b"garbage",
        b"diff --git a/.git/config b/.git/config\nnew file mode 100644\n--- /dev/null\n+++ b/.git/config\n@@ -0,0 +1 @@\n+x\n",
        b"diff --git a/../x b/../x\nnew file mode 100644\n--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n",
        b"diff --git a/no.txt b/no.txt\n--- a/no.txt\n+++ b/no.txt\n@@ -1 +1 @@\n-a\n+b\n",
        b"diff --git a/notes.txt b/notes.txt\nold mode 100644\nnew mode 100755\n",
    ],
)
async def test_a_hostile_patch_makes_no_commit(
    pull_request: Repo, mirrors: Mirrors, patching: Patching, patch: bytes
) -> None:
    head = await fetched(pull_request, mirrors)
    with pytest.raises(PatchRefused):
        await patching.commit(KEY, head_sha=head, patch=patch, paths={"notes.txt"}, message="x", signature=SIGNATURE)
