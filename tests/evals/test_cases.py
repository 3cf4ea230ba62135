"""Recorded changes are read whole, their bugs lie in them, and every comment on them can be placed."""

from pathlib import Path

import pytest

from app.domain.errors import UserError
from app.domain.findings import Place
from app.domain.repo_config import RepoConfig
from reviewers.evals.anchors import accepted, try_anchors
from reviewers.evals.cases import SETS, BugDiff, read_cases
from reviewers.evals.patches import folders_of, read_patch

PATCH = b"""commit message
diff --git a/new.py b/new.py
new file mode 100644
index 0000000..1111111
--- /dev/null
+++ b/new.py
@@ -0,0 +1,2 @@
+first = 1
+second = 2
diff --git a/old.py b/old.py
index 1111111..2222222 100644
--- a/old.py
+++ b/old.py
@@ -10,2 +10,3 @@ def f():
 same
+added
 same too
diff --git a/gone.py b/gone.py
deleted file mode 100644
index 1111111..0000000
--- a/gone.py
+++ /dev/null
@@ -1 +0,0 @@
-was = here
diff --git a/../../escaped.py b/../../escaped.py
new file mode 100644
index 0000000..1111111
--- /dev/null
+++ b/../../escaped.py
@@ -0,0 +1 @@
+x = 1
diff --git a/package-lock.json b/package-lock.json
index 1111111..2222222 100644
--- a/package-lock.json
+++ b/package-lock.json
@@ -1 +1 @@
-{}
+{ }
"""


async def test_a_patch_becomes_a_change_with_the_files_it_holds_whole() -> None:
    diff = read_patch(PATCH, base_sha="a" * 40, head_sha="b" * 40, config=RepoConfig())
    assert [(file.path, file.kind, file.skipped) for file in diff.files] == [
        ("new.py", "added", None),
        ("old.py", "modified", None),
        ("gone.py", "deleted", "deleted"),
        ("../../escaped.py", "added", None),
        ("package-lock.json", "modified", "lock file"),
    ]
    async with folders_of(diff) as (head, base):
        assert (head / "new.py").read_text() == "first = 1\nsecond = 2\n"
        assert list(base.iterdir()) == []
        assert [path.name for path in head.parent.rglob("*.py")] == ["new.py"]
    assert not head.exists()


@pytest.mark.parametrize("name", SETS)
def test_every_recorded_change_has_its_bug_in_its_diff(shared_data: Path, name: str) -> None:
    cases = read_cases(shared_data / "eval", (name,))
    assert len(cases) == {"mined_szz": 132, "bugsinpy": 483, "mined_fix": 376, "clean": 76, "experts": 13}[name]
    assert len({case.case_id for case in cases}) == len(cases)
    for case in cases[::4]:
        diff = case.diff(RepoConfig())
        known = case.known(diff)
        assert bool(known) == (name != "clean"), case.case_id
        assert all(one.text.strip() for one in known), case.case_id
        assert all(place.path in diff.by_path for one in known for place in one.places), case.case_id


def test_a_reversed_fix_does_not_tell_its_answer(shared_data: Path) -> None:
    (case, *_) = read_cases(shared_data / "eval", ("mined_fix",))
    assert isinstance(case, BugDiff)
    assert case.subject
    assert case.subject not in case.title


def test_every_place_of_every_patch_is_one_that_forges_accept(shared_data: Path) -> None:
    """A part of each set here; `corrigent eval anchors` asks all."""
    cases = [case for name in SETS for case in read_cases(shared_data / "eval", (name,))[::12]]
    found = try_anchors([case.diff(RepoConfig()) for case in cases])
    assert found.refused == 0
    assert 5_000 < found.placed <= found.wanted


@pytest.mark.parametrize(
    ("start", "line", "good"),
    [(10, 12, True), (11, 11, True), (9, 10, False), (12, 13, False), (12, 10, False)],
)
def test_a_comment_stands_inside_one_hunk(start: int, line: int, good: bool) -> None:
    diff = read_patch(PATCH, base_sha="a" * 40, head_sha="b" * 40, config=RepoConfig())
    assert accepted(Place(path="old.py", start_line=start, line=line), diff) is good


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--data names the folder"):
        read_cases(tmp_path)
    with pytest.raises(UserError, match="There is no set 'bugs'"):
        read_cases(tmp_path, ("bugs",))
