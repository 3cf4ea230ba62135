"""A folder for what is unpacked while it is worked on: this process's own, gone with it, or at the next start."""

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

_LOCK = ".lock"


@contextmanager
def own_folder(parent: Path) -> Generator[Path]:
    """A new folder in `parent`. What processes that were killed left there is removed first; others' are left alone."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Nobody looks for left-overs while a folder has no lock yet.
    with _locked(parent / _LOCK):
        for left in parent.iterdir():
            if left.is_dir() and _is_nobodys(left):
                shutil.rmtree(left, ignore_errors=True)
        folder = Path(mkdtemp(dir=parent))
        own = _take(folder / _LOCK, fcntl.LOCK_SH)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(own)


@contextmanager
def _locked(file: Path) -> Generator[None]:
    descriptor = _take(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def _is_nobodys(folder: Path) -> bool:
    """The kernel gives a lock back when its process ends, however it ends."""
    try:
        os.close(_take(folder / _LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _take(file: Path, operation: int) -> int:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor
