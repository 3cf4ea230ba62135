"""The one way to run git: argument lists, an exact environment, a deadline, an output cap, and no leftovers."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

# How long may a command take that only reads local objects?
LOCAL_DEADLINE = timedelta(seconds=60)
# How much may a command print before it is stopped?
OUTPUT_CAP = 64 * 1024 * 1024

T = TypeVar("T")

_PATH = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"
_CHUNK = 256 * 1024
# Nothing of the machine's or the user's configuration is read, nothing asks, nothing is executed on git's behalf.
_ENVIRONMENT = {
    "PATH": _PATH,
    "LC_ALL": "C",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_NO_LAZY_FETCH": "1",
}
_CONFIG = {
    "safe.bareRepository": "explicit",
    "core.symlinks": "false",
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.askPass": "",
    "credential.helper": "",
    "protocol.version": "2",
    "protocol.ext.allow": "never",
    "http.followRedirects": "false",
    # A server that sends less than 1 kB/s for half a minute is not coming back.
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "transfer.fsckObjects": "true",
    # Slips of tools from before 2012 that stand for ever in the history of well-known projects; none can do harm.
    "fetch.fsck.badTimezone": "ignore",
    "fetch.fsck.missingSpaceBeforeDate": "ignore",
    "fetch.fsck.zeroPaddedFilemode": "ignore",
}


class GitError(Exception):
    """A git command failed: one sentence, without credentials; `stderr` is for deciding, not for showing."""

    def __init__(self, message: str, *, stderr: str = "", exit_code: int | None = None) -> None:
        super().__init__(message)
        self.stderr = stderr
        self.exit_code = exit_code


class GitTimeout(GitError):
    """The deadline passed; the process and its children are gone."""


class OutputTooLarge(GitError):
    """More output than the cap; the process and its children are gone."""


class Access(Protocol):
    """How to reach a repository over the network (GitAccess of the forges satisfies it)."""

    @property
    def url(self) -> str: ...
    @property
    def header(self) -> str: ...
    @property
    def ca_file(self) -> str: ...
    @property
    def proxy(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Git:
    """A trusted git folder and what its commands may use. Commands never look for a repository by themselves."""

    git_dir: Path
    work_tree: Path | None = None
    # Which protocols may be spoken; empty means that no command can reach any other repository.
    protocols: tuple[str, ...] = ()
    config: Mapping[str, str] = field(default_factory=dict[str, str])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    # A descriptor the children keep open, so that a lock outlives us for as long as they do.
    lock_fd: int | None = None

    async def run(
        self,
        *arguments: str | bytes,
        stdin: bytes | int = b"",
        stdout: int | None = None,
        config: Mapping[str, str] | None = None,
        deadline: timedelta = LOCAL_DEADLINE,
        output_cap: int = OUTPUT_CAP,
        accept: Sequence[int] = (0,),
    ) -> bytes:
        """What the command printed; GitError for any exit code that is not in `accept`.

        `stdin` and `stdout` may be descriptors instead of bytes; then nothing is returned for `stdout`.
        """
        async with aclosing(
            self._chunks(arguments, stdin, stdout, config or {}, deadline, output_cap, accept)
        ) as chunks:
            return b"".join([chunk async for chunk in chunks])

    @asynccontextmanager
    async def stream(
        self, *arguments: str | bytes, stdin: bytes, deadline: timedelta = LOCAL_DEADLINE, output_cap: int = OUTPUT_CAP
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        """The same, chunk by chunk, for output that should not be in memory at once."""
        async with aclosing(self._chunks(arguments, stdin, None, {}, deadline, output_cap, (0,))) as chunks:
            yield chunks

    async def pipe(self, first: Sequence[str], second: Sequence[str]) -> bytes:
        """What `first | second` prints."""
        read_end, write_end = os.pipe()
        feeding = asyncio.create_task(_closing(write_end, self.run(*first, stdout=write_end)))
        try:
            output = await _closing(read_end, self.run(*second, stdin=read_end))
            await feeding
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        return output

    async def _chunks(
        self,
        arguments: Sequence[str | bytes],
        stdin: bytes | int,
        stdout: int | None,
        config: Mapping[str, str],
        deadline: timedelta,
        output_cap: int,
        accept: Sequence[int],
    ) -> AsyncGenerator[bytes]:
        name = _name(arguments)
        end = asyncio.get_running_loop().time() + deadline.total_seconds()
        process = await asyncio.create_subprocess_exec(
            _program(),
            *arguments,
            stdin=stdin if isinstance(stdin, int) else asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if stdout is None else stdout,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.work_tree or self.git_dir.parent,
            env=self._environment(config),
            start_new_session=True,
            pass_fds=() if self.lock_fd is None else (self.lock_fd,),
            limit=_CHUNK,
        )
        feeding = asyncio.create_task(_feed(process, stdin))
        complaints = asyncio.create_task(_complaints(process))
        try:
            size = 0
            while chunk := await _before(end, name, _read(process)):
                size += len(chunk)
                if size > output_cap:
                    raise OutputTooLarge(f"git {name} printed more than {output_cap // 1_000_000} MB and was stopped.")
                yield chunk
            exit_code = await _before(end, name, process.wait())
            stderr = await _before(end, name, complaints)
        finally:
            await _end(process, feeding, complaints)
        if exit_code not in accept:
            raise GitError(_sentence(name, exit_code, stderr), stderr=stderr, exit_code=exit_code)

    def _environment(self, config: Mapping[str, str]) -> dict[str, str]:
        environment = _ENVIRONMENT | {
            "GIT_DIR": str(self.git_dir),
            "GIT_ALLOW_PROTOCOL": ":".join(self.protocols),
            **self.environment,
        }
        if self.work_tree is not None:
            environment["GIT_WORK_TREE"] = str(self.work_tree)
        return environment | _as_variables(_CONFIG | dict(self.config) | dict(config))


def network_config(access: Access) -> dict[str, str]:
    """Credentials, certificate and proxy as configuration that holds for the repository's host alone."""
    parts = urlsplit(access.url)
    if parts.username is not None or parts.password is not None:
        raise GitError("A repository address must not hold a user name or a password.")
    if parts.scheme not in {"http", "https"}:
        return {}
    scope = f"http.{parts.scheme}://{parts.netloc}/"
    settings = {"extraHeader": access.header, "sslCAInfo": access.ca_file, "proxy": access.proxy}
    return {f"{scope}.{key}": value for key, value in settings.items() if value}


@cache
def _program() -> str:
    program = shutil.which("git", path=_PATH)
    if program is None:
        raise GitError("git is not installed; install it with the system's package manager.")
    return program


def _as_variables(config: Mapping[str, str]) -> dict[str, str]:
    variables = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config.items()):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables


def _name(arguments: Sequence[str | bytes]) -> str:
    words = (word.decode("utf-8", "replace") if isinstance(word, bytes) else word for word in arguments)
    return next((word for word in words if not word.startswith("-")), "")


async def _feed(process: asyncio.subprocess.Process, stdin: bytes | int) -> None:
    if isinstance(stdin, int) or process.stdin is None:
        return
    try:
        process.stdin.write(stdin)
        await process.stdin.drain()
        # Not waited for: what waits there and is cancelled makes asyncio complain (CPython 3.11, pipe_connection_lost).
        process.stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        # It ended before reading everything; its exit code says why.
        return


async def _complaints(process: asyncio.subprocess.Process) -> str:
    """The end of what it wrote to stderr; all of it is read, or the process could hang."""
    assert process.stderr is not None  # noqa: S101 - asked for above
    tail = b""
    while chunk := await process.stderr.read(_CHUNK):
        tail = (tail + chunk)[-4096:]
    return tail.decode("utf-8", "replace")


async def _read(process: asyncio.subprocess.Process) -> bytes:
    return b"" if process.stdout is None else await process.stdout.read(_CHUNK)


async def _before(end: float, name: str, work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout_at(end):
            return await work
    except TimeoutError:
        raise GitTimeout(f"git {name} took too long and was stopped.") from None


async def _end(process: asyncio.subprocess.Process, feeding: asyncio.Task[None], complaints: asyncio.Task[str]) -> None:
    if process.returncode is None:
        # The whole group: remote helpers and index-pack outlive their leader.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    feeding.cancel()
    complaints.cancel()
    await asyncio.gather(feeding, complaints, return_exceptions=True)
    # What it still had to say is read: asyncio calls no process ended whose pipes are not empty.
    await process.communicate()


def _sentence(name: str, exit_code: int, stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "")
    told = re.sub(r"(?i)(authorization|bearer|basic|token)[:= ]\s*\S+(\s+\S+)?", r"\1 [removed]", told)
    told = re.sub(r"://[^/\s@]*@", "://", told)
    return f"git {name} failed ({exit_code}): {told[:300]}" if told else f"git {name} failed ({exit_code})."


async def _closing(descriptor: int, work: Awaitable[bytes]) -> bytes:
    try:
        return await work
    finally:
        os.close(descriptor)
