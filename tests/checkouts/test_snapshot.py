"""The code snapshot: what is in it, what is left out, and archives that are not ours."""

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest
import zstandard

from app.checkouts import diffing, snapshot, tar
from app.checkouts.git import Git
from app.checkouts.snapshot import Caps, Materialised
from app.checkouts.tar import BadArchive
from app.domain.repo_config import SizeLimits
from tests.checkouts.repos import Repo


async def snap(repo: Repo, before: str, caps: Caps | None = None) -> bytes:
    git = Git(git_dir=repo.folder / ".git")
    diff = await diffing.diff(git, before, repo.head, limits=SizeLimits())
    return await snapshot.make(git, repo.sha("HEAD^{tree}"), diff, caps)


async def unpack(data: bytes, folder: Path) -> Materialised:
    os.mkdir(folder)
    return await snapshot.materialise(data, folder)


def names(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


async def test_the_whole_head_and_the_old_versions_of_what_changed(repo: Repo, tmp_path: Path) -> None:
    long_name = "/".join(["a-rather-long-folder-name"] * 6) + "/ünïcode\nname.py"
    before = repo.commit({"moved.py": "one\n" * 9, "run.sh": "#!/bin/sh\n", "gone.py": "x\n", "crlf.txt": b"a\r\n\xff"})
    repo.git("mv", "moved.py", "renamed.py")
    (repo.folder / "run.sh").chmod(0o755)
    repo.commit(
        {
            long_name: "deep\n",
            "gone.py": None,
            "empty.py": "",
            ".gitattributes": "* export-ignore\n*.py text eol=crlf\n",
        }
    )
    found = await unpack(await snap(repo, before), tmp_path / "out")
    assert names(found.head_root) == {
        "README.md", "shop/cart.py", "renamed.py", "run.sh", "crlf.txt", "empty.py", ".gitattributes", long_name
    }  # fmt: skip
    assert names(found.base_root) == {"moved.py", "gone.py", "run.sh"}
    assert (found.head_root / "crlf.txt").read_bytes() == b"a\r\n\xff"
    assert (found.head_root / long_name).read_text() == "deep\n"
    assert {stat.S_IMODE(path.stat().st_mode) for path in found.head_root.rglob("*") if path.is_file()} == {0o600}
    assert found.left_out == {}


async def test_links_and_submodules_are_left_out_and_listed(repo: Repo, tmp_path: Path) -> None:
    before = repo.head
    (repo.folder / "link").symlink_to("/etc/passwd")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{before},module")
    repo.git("add", "link")
    repo.git("commit", "-q", "-m", "links")
    found = await unpack(await snap(repo, before), tmp_path / "out")
    assert found.left_out == {"head/link": "symbolic link", "head/module": "submodule"}
    assert names(found.head_root) == {"README.md", "shop/cart.py"}


async def test_changed_files_come_first_when_there_is_no_room(repo: Repo, tmp_path: Path) -> None:
    before = repo.commit({"a.py": "a" * 60, "large.txt": "x" * 500})
    repo.commit({"z.py": "z" * 60})
    data = await snap(repo, before, Caps(file_bytes=200, total_bytes=100))
    found = await unpack(data, tmp_path / "out")
    assert names(found.head_root) == {"z.py", "README.md"}
    assert found.left_out["head/large.txt"] == "over 0 kB"
    assert found.left_out["head/a.py"] == "the repository is too large"


async def test_names_that_are_twins_on_some_systems_do_not_stop_it(tmp_path: Path) -> None:
    members = [
        (b"head/a", b"1"),
        (b"head/a", b"2"),
        (b"head/a/b", b"3"),
        (b"head/" + b"n" * 300, b"4"),
        (b"head/z", b"5"),
    ]
    found = await unpack(packed(members), tmp_path / "out")
    assert names(found.head_root) == {"a", "z"}
    assert (found.head_root / "a").read_text() == "1"
    assert set(found.left_out) == {"head/a", "head/a/b", "head/" + "n" * 300}


async def test_any_tar_program_can_read_it(repo: Repo) -> None:
    before = repo.head
    repo.commit({"n" * 150 + "/x.py": "1\n"})
    raw = zstandard.ZstdDecompressor().decompressobj().decompress(await snap(repo, before))
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        assert {member.name for member in archive} >= {"head/" + "n" * 150 + "/x.py", "head/README.md"}


@pytest.mark.parametrize(
    "name",
    [b"/etc/passwd", b"head/../../x", b"head/./x", b"head//x", b"other/x", b"head", b"head/.GIT/config", b"head/a\0b"],
)
async def test_paths_that_lead_elsewhere_are_refused(name: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadArchive):
        await unpack(packed([(name, b"x")]), tmp_path / "out")
    assert names(tmp_path) == set()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
async def test_anything_but_plain_files_is_refused(kind: bytes, tmp_path: Path) -> None:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT) as archive:
        member = tarfile.TarInfo("head/x")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(BadArchive):
        await unpack(zstandard.compress(raw.getvalue()), tmp_path / "out")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"junk",
        zstandard.compress(b""),
        zstandard.compress(b"x" * 600),
        zstandard.compress(tar.member(b"head/x", b"y")),
        zstandard.compress(tar.member(b"head/x", b"y" * 999)[:700]),
        zstandard.compress(tar.member(b"head/x", b"y" * 9999) + tar.end())[:-20],
    ],
)
async def test_broken_archives_are_named_as_such(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadArchive):
        await unpack(data, tmp_path / "out")


async def test_a_bomb_ends_at_the_cap(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    bomb = zstandard.compress(tar.member(b"head/x", bytes(100_000_000)) + tar.end())
    with pytest.raises(BadArchive):
        await snapshot.materialise(bomb, tmp_path / "out", Caps(total_bytes=10_000))


def packed(members: list[tuple[bytes, bytes]]) -> bytes:
    return zstandard.compress(b"".join(tar.member(*each) for each in members) + tar.end())
