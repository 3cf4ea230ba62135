"""Files into and out of a sandbox as tar streams, by a child of the supervisor; no link is ever followed."""

import os
import socket
import stat
import tarfile
from contextlib import suppress
from typing import IO, cast

from app.sandboxes.inside.frames import CHUNK, BadFrame, Frame, Frames, Header, pack

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# How many files and folders are taken out at most?
_MOST_ENTRIES = 1_000_000
# How deep may folders be? Each level holds one open folder.
_DEEPEST = 200


class Refusal(Exception):
    """It was not done; the text says why."""


def put(connection: socket.socket, early: list[Frame], frames: Frames, folder: str) -> None:
    """Unpack what comes; then one frame says whether it was done."""
    incoming = _Incoming(connection, early, frames)
    answer: Header = {"kind": "done"}
    try:
        base = _open_folder("/", folder, make=True)
        # Of a stream that is read tarfile uses read() alone, and write() of one that is written.
        with tarfile.open(fileobj=cast("IO[bytes]", incoming), mode="r|", bufsize=CHUNK) as tar:
            for member in tar:
                _unpack(base, tar, member)
    except (OSError, tarfile.TarError, Refusal, ValueError) as error:
        answer = {"kind": "refused", "reason": _say(error)}
    # Whoever still writes does not listen yet.
    while incoming.read(CHUNK):
        pass
    connection.sendall(pack(answer))


def get(connection: socket.socket, paths: list[str], max_bytes: int) -> None:
    """Send a tar of those paths in pieces; then one frame says whether it is whole."""
    out = cast("IO[bytes]", _Outgoing(connection))
    try:
        with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, bufsize=CHUNK) as tar:
            _Packing(tar, max_bytes).pack(paths)
    except Refusal as error:
        connection.sendall(pack({"kind": "refused", "reason": str(error)}))
    else:
        connection.sendall(pack({"kind": "done"}))


def _say(error: Exception) -> str:
    return f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)


class _Incoming:
    """The bytes of a tar as a file: frames until one of the kind `end`."""

    def __init__(self, connection: socket.socket, early: list[Frame], frames: Frames) -> None:
        self._connection, self._frames = connection, frames
        self._waiting = early
        self._held = bytearray()
        self._ended = False

    def read(self, size: int) -> bytes:
        while len(self._held) < size and not self._ended:
            for header, body in self._waiting or self._receive():
                self._ended = self._ended or header.get("op") == "end"
                self._held += body
            self._waiting = []
        data = bytes(self._held[:size])
        del self._held[:size]
        return data

    def _receive(self) -> list[Frame]:
        data = self._connection.recv(CHUNK)
        if not data:
            raise BadFrame("the other side went away")
        return list(self._frames.feed(data))


class _Outgoing:
    """A file that sends what is written to it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> int:
        self._connection.sendall(pack({"kind": "data"}, data))
        return len(data)


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if ".." in parts or "\0" in path:
        raise Refusal(f"{path!r} leads out of its folder")
    return parts


def _open_folder(base: str | int, path: str, *, make: bool) -> int:
    """A folder below another, opened step by step; missing ones are made, what is none stands in the way."""
    current = os.open(base, _FOLDER) if isinstance(base, str) else os.dup(base)
    for part in _parts(path):
        try:
            below = os.open(part, _FOLDER, dir_fd=current)
        except FileNotFoundError:
            if not make:
                raise
            os.mkdir(part, 0o755, dir_fd=current)
            below = os.open(part, _FOLDER, dir_fd=current)
        finally:
            os.close(current)
        current = below
    return current


def _unpack(base: int, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    parts = _parts(member.name)
    if member.name.startswith("/"):
        raise Refusal(f"{member.name!r} is absolute")
    if not parts:
        return
    if member.isdir():
        os.close(_open_folder(base, member.name, make=True))
        return
    parent = _open_folder(base, "/".join(parts[:-1]), make=True)
    try:
        _replace(parent, parts[-1], tar, member)
    finally:
        os.close(parent)


def _replace(parent: int, name: str, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=parent)
    if member.issym():
        os.symlink(member.linkname, name, dir_fd=parent)
    elif member.isreg():
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o600, dir_fd=parent)
        with open(descriptor, "wb") as file:
            source = tar.extractfile(member)
            while source and (data := source.read(CHUNK)):
                file.write(data)
            file.flush()
            os.fchmod(descriptor, member.mode & 0o777)
            os.utime(descriptor, (member.mtime, member.mtime))
    else:
        raise Refusal(f"{member.name!r} is neither a file nor a folder nor a link")


class _Packing:
    """Walks what was asked for and adds it; everything but files, folders and links is left out."""

    def __init__(self, tar: tarfile.TarFile, max_bytes: int) -> None:
        self._tar, self._left, self._entries = tar, max_bytes, 0

    def pack(self, paths: list[str]) -> None:
        for path in paths:
            whole = path if path.startswith("/") else f"/work/{path}"
            try:
                parts = _parts(whole)
                parent = _open_folder("/", "/".join(parts[:-1]), make=False)
            except (OSError, Refusal):
                # What is not there, or not to be had, is left out.
                continue
            if parts:
                self._add(parent, parts[-1], "/".join(parts))
            os.close(parent)

    def _add(self, parent: int, name: str, whole: str) -> None:
        self._entries += 1
        if self._entries > _MOST_ENTRIES or whole.count("/") > _DEEPEST:
            raise Refusal("too many files, or folders in too many folders")
        try:
            seen = os.stat(name, dir_fd=parent, follow_symlinks=False)
            info = tarfile.TarInfo(whole)
            info.mode, info.mtime = stat.S_IMODE(seen.st_mode), seen.st_mtime
            if stat.S_ISLNK(seen.st_mode):
                info.type, info.linkname = tarfile.SYMTYPE, os.readlink(name, dir_fd=parent)
                self._tar.addfile(info)
            elif stat.S_ISDIR(seen.st_mode):
                self._add_folder(parent, name, info)
            elif stat.S_ISREG(seen.st_mode):
                self._add_file(parent, name, info)
        except OSError:
            # Gone, or not ours to read: whoever asked sees that it is missing.
            return

    def _add_folder(self, parent: int, name: str, info: tarfile.TarInfo) -> None:
        info.type = tarfile.DIRTYPE
        self._tar.addfile(info)
        folder = os.open(name, _FOLDER, dir_fd=parent)
        try:
            for below in sorted(os.listdir(folder)):
                self._add(folder, below, f"{info.name}/{below}")
        finally:
            os.close(folder)

    def _add_file(self, parent: int, name: str, info: tarfile.TarInfo) -> None:
        # Non-blocking, so that a pipe put in the file's place meanwhile does not hold us.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(name, flags, dir_fd=parent), "rb") as file:
            seen = os.fstat(file.fileno())
            if not stat.S_ISREG(seen.st_mode):
                return
            info.size = seen.st_size
            self._left -= info.size + 1024
            if self._left < 0:
                raise Refusal("larger than allowed")
            self._tar.addfile(info, _Padded(file, info.size))


class _Padded:
    """A file of exactly the size that was announced, whatever happens to it while it is read."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int = 0, /) -> bytes:
        wanted = min(size, self._left)
        data = self._file.read(wanted)
        self._left -= wanted
        return data.ljust(wanted, b"\0")
