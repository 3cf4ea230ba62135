"""What a sandbox wants to have kept is read as an attacker's: plain things below its own folders, and nothing else."""

import io
import tarfile
from collections.abc import Sequence

import pytest

from app.sandboxes.base import SandboxGone
from app.sandboxes.kept_files import sifted


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, link, mode
    made.uid, made.uname, made.size = 0, "root", 2 if kind == tarfile.REGTYPE else 0
    return made


def packed(*entries: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for one in entries:
            tar.addfile(one, io.BytesIO(b"ok") if one.isreg() else None)
    return out.getvalue()


def names(tar: bytes) -> Sequence[str]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        return opened.getnames()


KEPT = (
    entry("work/deps", tarfile.DIRTYPE, mode=0o755),
    entry("work/deps/file"),
    entry("tmp/home/.cache"),
    entry("work/deps/beside", tarfile.SYMTYPE, "file"),
    entry("work/deps/up", tarfile.SYMTYPE, "../other/file"),
    entry("work/deps/python", tarfile.SYMTYPE, "/usr/bin/python3"),
    entry("work/deps/whole", tarfile.SYMTYPE, "/work/deps/file"),
)
LEFT_OUT = (
    entry("/work/absolute"),
    entry("work/../etc/passwd"),
    entry("../up"),
    entry("etc/passwd"),
    entry("workshop/file"),
    entry("tmp/other"),
    entry("run/corrigent/app/sandboxes/inside/supervisor.py"),
    entry("work/fifo", tarfile.FIFOTYPE),
    entry("work/disk", tarfile.BLKTYPE),
    entry("work/tty", tarfile.CHRTYPE),
    entry("work/hard", tarfile.LNKTYPE, "work/deps/file"),
    entry("work/away", tarfile.SYMTYPE, "/etc/passwd"),
    entry("work/above", tarfile.SYMTYPE, "../../../etc/passwd"),
    entry("work/slow", tarfile.SYMTYPE, "deps/../../proc/1/environ"),
)


@pytest.mark.parametrize("one", KEPT, ids=lambda one: one.name)
def test_plain_things_are_kept(one: tarfile.TarInfo) -> None:
    beside = entry("work/beside")
    assert names(sifted(packed(one, beside))) == [one.name, "work/beside"]


@pytest.mark.parametrize("one", LEFT_OUT, ids=lambda one: one.name)
def test_everything_else_is_left_out(one: tarfile.TarInfo) -> None:
    assert names(sifted(packed(entry("work/first"), one, entry("work/last")))) == ["work/first", "work/last"]


def test_of_a_file_nothing_is_kept_but_its_content_its_mode_and_its_time() -> None:
    one = entry("work/program", mode=0o6755)
    one.mtime = 1000
    with tarfile.open(fileobj=io.BytesIO(sifted(packed(one)))) as tar:
        (kept,) = tar.getmembers()
        content = tar.extractfile(kept)
        assert content is not None
        assert content.read() == b"ok"
    assert (kept.mode, kept.mtime, kept.uid, kept.uname) == (0o755, 1000, 0, "")


def test_folders_alone_are_nothing() -> None:
    assert sifted(packed(entry("work/empty", tarfile.DIRTYPE))) == b""


@pytest.mark.parametrize(
    "tar", [b"x" * 1024, packed(KEPT[1])[:513], b"\x1f\x8b" + b"\0" * 600], ids=["no tar", "cut", "gzip"]
)
def test_what_is_no_tar_is_a_sandbox_that_is_gone(tar: bytes) -> None:
    with pytest.raises(SandboxGone):
        sifted(tar)
