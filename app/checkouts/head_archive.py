"""The head of a code snapshot as a plain tar, for a sandbox: no old versions, nothing but files below one folder."""

import asyncio
import io

import zstandard

from app.checkouts import tar
from app.checkouts.snapshot import Caps
from app.checkouts.tar import BadArchive

_HEAD = b"head/"


async def head_archive(snapshot: bytes, caps: Caps | None = None) -> bytes:
    """BadArchive for anything that is no snapshot of ours; what is unsafe in it, the sandbox bears."""
    return await asyncio.to_thread(_repack, snapshot, caps or Caps())


def _repack(snapshot: bytes, caps: Caps) -> bytes:
    reader = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(snapshot), 1 << 20)  # pyright: ignore[reportArgumentType] - it has readinto, its stub does not say RawIOBase
    try:
        members = tar.members(reader, max_bytes=caps.total_bytes + 64_000_000)
        kept = [_member(name, content) for name, content in members if name.startswith(_HEAD)]
    except zstandard.ZstdError as error:
        raise BadArchive("The archive is not readable.") from error
    return b"".join((*kept, tar.end()))


def _member(name: bytes, content: bytes) -> bytes:
    # A snapshot keeps no modes: what begins like a script is one, so that ./gradlew and its like start.
    return tar.member(name.removeprefix(_HEAD), content, program=content.startswith(b"#!"))
