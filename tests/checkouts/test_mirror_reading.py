"""Reading a mirror: the patch id that may carry a result over, and files at a commit."""

from pathlib import Path

import pytest

from app.checkouts.git import GitError
from app.checkouts.mirrors import Mirrors
from tests.checkouts.repos import Key, Repo
from tests.checkouts.test_mirrors import wanted

KEY = Key()


@pytest.fixture
def store(tmp_path: Path) -> Mirrors:
    return Mirrors(tmp_path / "mirrors", protocols=("file", "http"))


class TestPatchId:
    async def test_the_same_patch_on_another_base_has_the_same_id(self, repo: Repo, store: Mirrors) -> None:
        old_base = repo.head
        repo.switch("feature", "main")
        old_head = repo.commit({"shop/cart.py": "def total(items):\n    return 0\n", "b.bin": b"\0\1"})
        repo.switch("main")
        new_base = repo.commit({"other.py": "1\n"})
        repo.switch("rebased", "main")
        new_head = repo.commit({"shop/cart.py": "def total(items):\n    return 0\n", "b.bin": b"\0\1"})
        for head in (old_head, new_head):
            await store.fetch(KEY, repo.access, wanted(repo, head))
        assert await store.patch_id(KEY, old_base, old_head) == await store.patch_id(KEY, new_base, new_head) != ""

    @pytest.mark.parametrize(
        "after",
        [
            {"shop/cart.py": "def total(items):\n        return 0\n"},
            {"shop/cart.py": "def total(items):\n    return 0 \n"},
            {"shop/cart.py": "def total(items):\n    return 0"},
            {"shop/cart.py": "def total(items):\n    return 0\n", "b.bin": b"\0\2"},
        ],
        ids=["indentation", "trailing space", "last newline", "binary"],
    )
    async def test_the_smallest_difference_changes_it(
        self, repo: Repo, store: Mirrors, after: dict[str, str | bytes | None]
    ) -> None:
        base = repo.commit({"b.bin": b"\0\0"})
        repo.switch("one", "main")
        one = repo.commit({"shop/cart.py": "def total(items):\n    return 0\n", "b.bin": b"\0\1"})
        repo.switch("two", "main")
        two = repo.commit({"b.bin": b"\0\1"} | after)
        for head in (one, two):
            await store.fetch(KEY, repo.access, wanted(repo, head))
        assert await store.patch_id(KEY, base, one) != await store.patch_id(KEY, base, two)

    async def test_without_a_change_there_is_none(self, repo: Repo, store: Mirrors) -> None:
        await store.fetch(KEY, repo.access, wanted(repo, repo.head))
        assert await store.patch_id(KEY, repo.head, repo.head) == ""


async def test_reading_files_at_a_commit(repo: Repo, store: Mirrors) -> None:
    (repo.folder / "link").symlink_to("README.md")
    head = repo.commit({"large.txt": "x" * 1_000_001, ":(top)odd": "odd\n"})
    await store.fetch(KEY, repo.access, wanted(repo, head))
    assert await store.read_file(KEY, head, "README.md") == b"# Shop\n"
    assert await store.read_file(KEY, head, ":(top)odd") == b"odd\n"
    for missing in ("nope", "link", "shop", "../README.md", "*"):
        assert await store.read_file(KEY, head, missing) is None
    with pytest.raises(GitError, match=r"large\.txt is over 1 MB"):
        await store.read_file(KEY, head, "large.txt")
    with pytest.raises(GitError, match="is not a commit id"):
        await store.read_file(KEY, "--output=x", "README.md")
