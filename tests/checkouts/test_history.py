"""What a pull request brought, whatever the merge made of it, and what a later fix is traced back to."""

from pathlib import Path

from app.checkouts.git import Git
from app.checkouts.history import commits_of, mended_lines, mendings
from tests.checkouts.repos import Repo

BASE = "".join(f"line {n}\n" for n in range(1, 11))


async def test_commits_are_known_after_a_squash_and_after_a_rebase(tmp_path: Path) -> None:
    made = Repo.create(tmp_path / "shop")
    git = Git(git_dir=made.folder / ".git")
    base = made.commit({"a.py": BASE})
    made.git("checkout", "-q", "-b", "topic")
    own = [made.commit({"b.py": "1\n"}, message="Add b"), made.commit({"c.py": "1\n"}, message="Add c")]
    made.git("checkout", "-q", "main")
    made.commit({"z.py": "1\n"}, message="Other work")
    copies = [made.commit({"b.py": "1\n"}, message="Add b"), made.commit({"c.py": "1\n"}, message="Add c")]
    assert set(await commits_of(git, base, own[-1], copies[-1])) == {*own, *copies}
    squashed = made.commit({"d.py": "1\n"}, message="Topic (#12)")
    assert set(await commits_of(git, base, own[-1], squashed)) == {*own, squashed}
    assert await commits_of(git, base, own[-1], "") == tuple(reversed(own))


async def test_a_fix_is_traced_back_to_the_lines_that_it_changed(tmp_path: Path) -> None:
    made = Repo.create(tmp_path / "shop")
    git = Git(git_dir=made.folder / ".git")
    made.commit({"a.py": BASE})
    bug = made.commit({"a.py": BASE.replace("line 5", "bug 5").replace("line 6", "bug 6")}, message="Speed up")
    later = made.commit({"new.py": "x\n"}, message="Prefix names")
    fix = made.commit({"a.py": BASE.replace("line 1\n", "")}, message="Fix the total")
    assert await mended_lines(git, fix) == {bug: 2}, "nobody knows who wrote what is at the edge of a history"
    assert await mended_lines(git, later) == {}
    found = await mendings(git, fix, after="", most=10)
    assert [(one.commit, one.subject) for one in found] == [(fix, "Fix the total")]
    assert await mendings(git, fix, after=fix, most=10) == []
    assert await mendings(git, fix, after="f" * 40, most=10) == found, "thrown away since"
