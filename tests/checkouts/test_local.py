"""Reviewing one's own work: what counts as changed, what is said when it cannot be, and that nothing of theirs runs."""

import contextlib
import os
from pathlib import Path

import pytest

from app.checkouts import local
from app.domain.errors import UserError
from app.domain.repo_config import SizeLimits
from tests.checkouts.repos import Repo

LIMITS = SizeLimits()


async def review(folder: Path, base: str | None = "main") -> dict[str, str]:
    """Path to kind, or to the reason why it is skipped."""
    async with local.opened(folder) as repository:
        change = await repository.change(base, limits=LIMITS)
        return {file.path: file.skipped or file.kind for file in change.diff.files}


async def test_committed_staged_unstaged_and_new_work_is_one_change(repo: Repo) -> None:
    repo.switch("feature", "main")
    repo.commit({"committed.py": "a = 1\n"})
    repo.write({"staged.py": "b = 1\n", ".gitignore": "ignored.py\n"})
    repo.git("add", "staged.py")
    repo.write({"staged.py": "b = 2\n", "new/file.py": "c = 1\n", "ignored.py": "d = 1\n", "README.md": None})
    async with local.opened(repo.folder / "shop") as repository:
        change = await repository.change("main", limits=LIMITS)
        assert {file.path: file.skipped or file.kind for file in change.diff.files} == {
            ".gitignore": "added",
            "README.md": "deleted",
            "committed.py": "added",
            "new/file.py": "added",
            "staged.py": "added",
        }
        assert change.diff.by_path["staged.py"].hunks[0].lines[0].text == "b = 2"
        assert (change.head_root / "staged.py").read_text() == "b = 2\n"
        assert (change.head_root / "shop" / "cart.py").is_file()
        assert not (change.head_root / "ignored.py").exists()
        assert (change.base_root / "README.md").read_text() == "# Shop\n"
        assert (change.branch, change.base, change.merge_base_sha) == ("feature", "main", repo.sha("main"))
        assert await repository.file_at("main", "README.md") == b"# Shop\n"
        work = change.head_root
    assert not work.exists()
    assert repo.git("status", "--porcelain") == "D README.md\nAM staged.py\n?? .gitignore\n?? new/"


async def test_changes_of_the_base_since_the_branch_began_are_not_ours(repo: Repo) -> None:
    repo.switch("feature", "main")
    repo.commit({"mine.py": "a = 1\n"})
    repo.switch("main")
    repo.commit({"theirs.py": "b = 1\n"})
    repo.switch("feature")
    assert await review(repo.folder) == {"mine.py": "added"}


async def test_a_detached_head_and_a_remote_base_are_fine(repo: Repo) -> None:
    repo.git("update-ref", "refs/remotes/origin/develop", "HEAD")
    repo.commit({"mine.py": "a = 1\n"})
    repo.git("checkout", "-q", "--detach")
    async with local.opened(repo.folder) as repository:
        change = await repository.change("develop", limits=LIMITS)
    assert change.branch == repo.head[:7]
    assert change.base == "origin/develop"
    assert [file.path for file in change.diff.files] == ["mine.py"]


async def test_packed_refs_linked_worktrees_and_edits_within_a_second_are_seen(repo: Repo, tmp_path: Path) -> None:
    repo.git("pack-refs", "--all")
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked")
    # The same size and almost the same time as the index: only its content tells.
    linked.write({"README.md": "# Shop\n"})
    linked.git("add", "README.md")
    linked.write({"README.md": "# Shap\n"})
    assert await review(linked.folder) == {"README.md": "modified"}


@pytest.mark.parametrize("name", ["with space.py", 'quo"te.py', "new\nline.py", "-dash.py", "ünïcode.py", ":(top)x.py"])
async def test_any_name_of_a_new_file_is_read(repo: Repo, name: str) -> None:
    repo.write({name: "a = 1\n"})
    assert await review(repo.folder) == {name: "added"}


async def test_what_cannot_be_read_is_listed_or_left_alone(repo: Repo) -> None:
    repo.write({"data.bin": b"x" * (LIMITS.file_bytes + 1), "image.png": b"\x89PNG\0\1\2"})
    os.mkfifo(repo.folder / "pipe")
    (repo.folder / "link").symlink_to("/etc/passwd")
    assert await review(repo.folder) == {"data.bin": "over 500 kB", "image.png": "binary", "link": "symbolic link"}


async def test_a_hostile_repository_runs_nothing(repo: Repo, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\necho ran >> {marker}\ncat\n")
    script.chmod(0o755)
    repo.commit({"a.txt": "one\n", "b.bin": b"\0\1"})
    inner = Repo.create(repo.folder / "inner")
    inner.commit({"x.txt": "x\n"})
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "./inner", "module")
    repo.commit(message="with a submodule")
    for folder in (repo.folder / ".git", inner.folder / ".git", repo.folder / ".git" / "modules" / "module"):
        poison(folder, script)
    repo.write(
        {
            ".gitattributes": "* filter=evil diff=evil merge=evil\n",
            "a.txt": "two\n",
            "c.txt": "three\n",
            "module/x.txt": "changed in the submodule\n",
            # A folder that git itself would take for a bare repository with a configuration.
            "docs/HEAD": "ref: refs/heads/main\n",
            "docs/config": f"[core]\nbare = true\nfsmonitor = {script}\n",
            "docs/objects/x": "",
            "docs/refs/x": "",
        }
    )
    found = await review(repo.folder / "docs")
    assert found["a.txt"] == "modified"
    assert found["c.txt"] == "added"
    assert not marker.exists()
    # The traps are real: git itself, run in that folder, walks into them.
    with contextlib.suppress(AssertionError):
        repo.git("-C", "module", "diff")
    assert marker.exists()


def poison(git_dir: Path, script: Path) -> None:
    hooks = git_dir / "evil-hooks"
    hooks.mkdir()
    for hook in ("post-index-change", "reference-transaction", "pre-commit", "post-checkout", "fsmonitor-watchman"):
        (hooks / hook).symlink_to(script)
    with (git_dir / "config").open("a") as config:
        config.write(
            f"[core]\nfsmonitor = {script}\nhooksPath = {hooks}\npager = {script}\nsshCommand = {script}\n"
            f"alternateRefsCommand = {script}\neditor = {script}\naskPass = {script}\n"
            f'[diff]\nexternal = {script}\n[diff "evil"]\ntextconv = {script}\ncommand = {script}\n'
            f'[filter "evil"]\nclean = {script}\nsmudge = {script}\nprocess = {script}\nrequired = true\n'
            f'[merge "evil"]\ndriver = {script}\n[alias]\nstatus = !{script}\ndiff = !{script}\n'
            f"[credential]\nhelper = !{script}\n[gpg]\nprogram = {script}\n[log]\nshowSignature = true\n"
            f'[uploadpack]\npackObjectsHook = {script}\n[remote "origin"]\nurl = ext::{script}\n'
            "promisor = true\npartialclonefilter = blob:none\n[extensions]\npartialClone = origin\n"
        )


@pytest.mark.parametrize(
    ("prepare", "base", "text"),
    [
        ("rm -r .git", "main", "There is no git repository at"),
        ("git switch -q --orphan empty", "main", "has no commit on this branch yet"),
        ("true", "mian", "There is no 'mian' here (branches: main)"),
        ("git branch -m work", None, "There is no main or master here (branches: work)"),
        ("true", "main", "Nothing changed against main."),
        ("git switch -q --orphan other; git commit -q --allow-empty -m x", "main", "have no common commit"),
        ("printf '[extensions]\\nobjectFormat = sha256\\n' >> .git/config", "main", "stores SHA-256 names"),
    ],
)
async def test_what_is_missing_is_said(repo: Repo, prepare: str, base: str | None, text: str) -> None:
    repo.git("-c", f"alias.prepare=!{prepare}", "prepare")
    with pytest.raises(UserError) as error:
        await review(repo.folder, base)
    assert text in str(error.value)


async def test_too_many_new_files_are_refused(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_MAX_UNTRACKED", 3)
    repo.write({f"node/{number}.js": "" for number in range(4)})
    with pytest.raises(UserError, match=r"4 new files are not in \.gitignore"):
        await review(repo.folder)


async def test_a_partial_clone_that_lacks_the_base_says_so(repo: Repo) -> None:
    old = repo.sha("HEAD:shop/cart.py")
    repo.switch("feature", "main")
    repo.commit({"shop/cart.py": "def total(items):\n    return 0\n"})
    blob = repo.folder / ".git" / "objects" / old[:2] / old[2:]
    blob.unlink()
    with pytest.raises(UserError, match="partial clone"):
        await review(repo.folder)
