"""Patches as git writes them are read whole; anything else is refused, and applying is exact."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autofix import patches, patches_content
from tests.checkouts.repos import Repo

DIFF = ("diff", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "-M")


def diff(repo: Repo, base: str) -> bytes:
    # The harness strips what git prints; a patch ends with its line end.
    return repo.git(*DIFF, base, "HEAD").encode("utf-8", "surrogateescape") + b"\n"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.create(tmp_path / "work")
    repo.commit(
        {"a.py": "one\ntwo\nthree\n", "b c.txt": "x\n", "naïve.txt": "y\n", "bin": b"\0\1\2", "gone.txt": "z\n"}
    )
    return repo


def test_what_git_writes_is_read(repo: Repo) -> None:
    base = repo.head
    (repo.folder / "a.py").rename(repo.folder / "moved.py")
    repo.commit(
        {
            "moved.py": "one\n2\nthree\n",
            "b c.txt": "x\nno line end",
            "naïve.txt": "ÿ\n",
            "bin": b"\0\1\3",
            "gone.txt": None,
            "dir/new.txt": "new\n",
            "empty": "",
        }
    )
    parsed = patches.parse(diff(repo, base))
    files = {file.path: file for file in parsed.files}
    assert {path: file.status for path, file in files.items()} == {
        "b c.txt": "modified",
        "bin": "modified",
        "dir/new.txt": "added",
        "empty": "added",
        "gone.txt": "deleted",
        "moved.py": "renamed",
        "naïve.txt": "modified",
    }
    assert files["bin"].binary
    assert list(files["b c.txt"].added) == [(2, "no line end")]
    assert list(files["moved.py"].removed) == [(2, "two")]
    assert files["moved.py"].old_path == "a.py"
    assert "a.py" in parsed.paths


def test_modes_and_links_are_seen(repo: Repo) -> None:
    base = repo.head
    (repo.folder / "a.py").chmod(0o755)
    (repo.folder / "link").symlink_to("/etc/passwd")
    repo.commit()
    files = {file.path: file for file in patches.parse(diff(repo, base)).files}
    assert (files["a.py"].old_mode, files["a.py"].new_mode) == ("100644", "100755")
    assert files["link"].new_mode == "120000"


GOOD = """\
diff --git a/a.txt b/a.txt
index 4cb29ea38f70d7c61b2a3a25b02e3bdf44905402..55e1a5d6f2b4a8a0ee5d0a3a5ef39fb9b0f3b6e4 100644
--- a/a.txt
+++ b/a.txt
@@ -1,2 +1,2 @@
 one
-two
+2
"""


@pytest.mark.parametrize(
    "patch",
    [
        "garbage\n" + GOOD,
        GOOD + "garbage\n",
        GOOD.replace("+++ b/a.txt", "+++ b/b.txt"),
        GOOD.replace("--- a/a.txt", "--- a/../a.txt"),
        GOOD.replace("a.txt", "../../etc/x"),
        GOOD.replace("a.txt", "/etc/x"),
        GOOD.replace("a.txt", "x//y"),
        GOOD.replace("a.txt", "a\u202etxt"),
        GOOD.replace("diff --git a/a.txt b/a.txt", "diff --git a/a.txt b/.github/x"),
        GOOD.replace("@@ -1,2 +1,2 @@", "@@ -1,2 +1,3 @@"),
        GOOD.replace("@@ -1,2 +1,2 @@", "@@ -1,1 +1,2 @@"),
        GOOD.replace("index 4cb29ea", "index "),
        GOOD.replace("--- a/a.txt", "rename from a.txt\n--- a/a.txt"),
        GOOD.replace("index", "new file mode 100644\nold mode 100644\nindex"),
        GOOD + GOOD,
        GOOD.replace("--- a/a.txt\n+++ b/a.txt\n", ""),
        "diff --git a/a.txt b/a.txt\n",
        GOOD.replace("+2", "+\0"),
        'diff --git "a/x b/x\n' + GOOD.partition("\n")[2],
        "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-a\n+b\n",
    ],
)
def test_anything_else_is_refused(patch: str) -> None:
    with pytest.raises(patches.UnreadablePatch):
        patches.parse(patch.encode())


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_no_bytes_break_the_reader(tail: bytes) -> None:
    with suppress(patches.UnreadablePatch):
        assert patches.parse(GOOD.encode() + tail).files[0].path == "a.txt"


LINES = st.lists(st.sampled_from(["a", "b", "c\r", "", "é", "-- x", "\\ No newline", "@@ -1 +1 @@"]), max_size=8)


@given(LINES, LINES, st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_patch_we_make_is_one_we_read_and_leads_from_one_content_to_the_other(
    old: list[str], new: list[str], old_ends: bool, new_ends: bool
) -> None:
    before = ("\n".join(old) + "\n" * old_ends).encode()
    after = ("\n".join(new) + "\n" * new_ends).encode()
    patch = patches_content.make("src/näme with blank.py", before, after)
    if before == after:
        assert patch == b""
        return
    (file,) = patches.parse(patch).files
    assert file.path == "src/näme with blank.py"
    assert patches_content.apply(file, before) == after


def test_git_takes_the_patches_we_make(repo: Repo) -> None:
    before = (repo.folder / "b c.txt").read_bytes()
    made = [
        patches_content.make("b c.txt", before, b"1\nx"),
        patches_content.make("naïve.txt", b"y\n", None),
        patches_content.make("new/file.py", None, b"new\n"),
    ]
    repo.git("apply", "--index", stdin=b"".join(made))
    assert repo.git("diff", "--cached", "--name-status", "-z").split("\0")[:6] == [
        *("M", "b c.txt", "D", "naïve.txt", "A", "new/file.py"),
    ]
    assert (repo.folder / "b c.txt").read_bytes() == b"1\nx"


def test_a_patch_made_on_other_content_does_not_apply() -> None:
    (file,) = patches.parse(patches_content.make("a.py", b"one\ntwo\n", b"one\n2\n")).files
    with pytest.raises(patches_content.DoesNotApply):
        patches_content.apply(file, b"zero\none\ntwo\n")
    with pytest.raises(patches_content.DoesNotApply):
        patches_content.apply(file, None)
