"""Reading objects out of a bare repository: every name, every kind, and however git's answer is cut into pieces."""

import pytest

from app.checkouts import git as running
from app.checkouts import objects, snapshot
from app.checkouts.git import Git, GitError
from app.checkouts.objects import TreeEntry
from app.domain.diff import Diff
from tests.checkouts.repos import Repo


@pytest.mark.parametrize("piece", [1, 7, 256 * 1024])
async def test_answers_are_whole_however_they_arrive(repo: Repo, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_CHUNK", piece)
    files = {
        "a\nb.md": "A\n",
        "empty.md": "",
        "odd.md": f"{'0' * 40} blob 3\nx missing\n",
        "shop/last.md": "no line end",
    }
    head = repo.commit(files)
    asked = [*files, "nope.md", "c missing\nd.md", "shop", "shop/last.md"]
    assert await objects.read_texts(of(repo), head, asked) == files


async def test_only_a_plain_file_is_read(repo: Repo) -> None:
    (repo.folder / "shop" / "link.py").symlink_to("plain.py")
    (repo.folder / "shop" / "run.sh").write_text("ls\n")
    (repo.folder / "shop" / "run.sh").chmod(0o755)
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{repo.head},shop/sub")
    head = repo.commit({"shop/plain.py": "x = 1\n"})
    assert await objects.read_file(of(repo), head, "shop/plain.py") == b"x = 1\n"
    assert await objects.read_file(of(repo), head, "shop/run.sh") == b"ls\n"
    for other in ("shop/link.py", "shop/sub", "shop", "shop/plain.py/x", "nope/plain.py", "./shop/plain.py", ""):
        assert await objects.read_file(of(repo), head, other) is None


async def test_a_snapshot_never_holds_an_empty_file_for_one_that_is_gone(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listed(*_: object) -> list[TreeEntry]:
        return [TreeEntry("100644", "0" * 40, 5, "gone.py")]

    monkeypatch.setattr(objects, "list_tree", listed)
    nothing = Diff(merge_base_sha=repo.head, head_sha=repo.head, files=())
    with pytest.raises(GitError, match=r"head/gone\.py of the listed tree is not in the mirror"):
        await snapshot.make(of(repo), repo.head, nothing)


def of(repo: Repo) -> Git:
    return Git(git_dir=repo.folder / ".git")
