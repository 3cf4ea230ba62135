"""Histories that are no straight line: the change under review is what the forge would show, no more."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.checkouts.mirrors import Mirrors, SizeLimits, Wanted
from tests.checkouts.repos import Key, Repo

KEY = Key()


def octopus(repo: Repo) -> str:
    for name in ("a", "b", "c"):
        repo.switch(name, "main")
        repo.commit({f"{name}.py": "x = 1\n"})
    repo.switch("a")
    repo.clock += 60
    repo.git("merge", "-q", "-m", "all three", "b", "c")
    return repo.head


def revert(repo: Repo) -> str:
    repo.commit({"billing.py": "x = 1\n"})
    repo.switch("feature", "main")
    repo.clock += 60
    repo.git("revert", "--no-edit", "HEAD")
    return repo.head


def revert_of_its_own(repo: Repo) -> str:
    repo.switch("feature", "main")
    repo.commit({"billing.py": "x = 1\n"})
    repo.clock += 60
    repo.git("revert", "--no-edit", "HEAD")
    return repo.head


def cherry_pick(repo: Repo) -> str:
    repo.switch("other", "main")
    picked = repo.commit({"fix.py": "x = 1\n"})
    repo.switch("main")
    repo.commit({"news.txt": "new\n"})
    repo.switch("feature", "main")
    repo.clock += 60
    repo.git("cherry-pick", picked)
    return repo.head


def picked_by_the_base_as_well(repo: Repo) -> str:
    head = cherry_pick(repo)
    repo.switch("main")
    repo.clock += 60
    repo.git("cherry-pick", head)
    return head


def ancestor(repo: Repo) -> str:
    head = repo.head
    repo.commit({"news.txt": "new\n"})
    return head


def same_as_base(repo: Repo) -> str:
    return repo.commit({"news.txt": "new\n"})


def criss_cross(repo: Repo) -> str:
    """Each side merged the other's first commit: two merge bases, each as good as the other."""
    main = repo.commit({"main.py": "x = 1\n"})
    repo.switch("feature", "main~1")
    first = repo.commit({"feature.py": "x = 1\n"})
    repo.merge(main)
    head = repo.commit({"more.py": "x = 1\n"})
    repo.switch("main")
    repo.merge(first)
    repo.commit({"theirs.py": "x = 1\n"})
    assert len(repo.git("merge-base", "--all", "main", head).split()) == 2
    return head


# What is made of the repository, and the files that the change under review has; for two merge bases one of the two.
SHAPES: dict[str, tuple[Callable[[Repo], str], tuple[set[str], ...]]] = {
    "an octopus merge": (octopus, ({"a.py", "b.py", "c.py"},)),
    "a revert of what is on the base": (revert, ({"billing.py"},)),
    "a revert of its own commit": (revert_of_its_own, (set(),)),
    "a cherry-picked commit": (cherry_pick, ({"fix.py"},)),
    "a commit that the base picked as well": (picked_by_the_base_as_well, ({"fix.py"},)),
    "a head behind the base": (ancestor, (set(),)),
    "a head that is the base": (same_as_base, (set(),)),
    "a criss-cross merge": (criss_cross, ({"feature.py", "more.py"}, {"main.py", "more.py"})),
}


def wanted(repo: Repo, head: str) -> Wanted:
    repo.git("update-ref", "refs/pull/1/head", head)
    return Wanted(
        head_ref="refs/pull/1/head", head_sha=head, base_ref="main", base_sha=repo.sha("main"), default_branch="main"
    )


@pytest.mark.parametrize(("make", "files"), SHAPES.values(), ids=SHAPES.keys())
async def test_only_what_the_pull_request_changes_is_read(
    repo: Repo, tmp_path: Path, make: Callable[[Repo], str], files: tuple[set[str], ...]
) -> None:
    head = make(repo)
    store = Mirrors(tmp_path / "mirrors", protocols=("file",))
    found = await store.fetch(KEY, repo.access, wanted(repo, head))
    diff = await store.diff(KEY, found.merge_base_sha, head, limits=SizeLimits())
    assert {file.path for file in diff.files} in files
    # As git itself decides, so that it is the same on each machine and at each try.
    assert found.merge_base_sha == repo.git("merge-base", head, "main")


async def test_a_commit_picked_elsewhere_is_the_same_patch(repo: Repo, tmp_path: Path) -> None:
    """So that a result is carried over when only the history is another one."""
    repo.switch("feature", "main")
    first = repo.commit({"fix.py": "x = 1\n"}, "the first wording")
    store = Mirrors(tmp_path / "mirrors", protocols=("file",))
    before = await store.fetch(KEY, repo.access, wanted(repo, first))
    repo.switch("main")
    repo.commit({"news.txt": "new\n"})
    repo.switch("again", "main")
    repo.git("cherry-pick", first)
    repo.git("commit", "-q", "--amend", "-m", "other words")
    after = await store.fetch(KEY, repo.access, wanted(repo, repo.head))
    assert before.head_sha != after.head_sha
    patches = {await store.patch_id(KEY, one.merge_base_sha, one.head_sha) for one in (before, after)}
    assert len(patches) == 1
    assert "" not in patches
