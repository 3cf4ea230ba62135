"""`corrigent review` as a person calls it: an exact environment, a folder of their own, everything printed kept."""

import asyncio
import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from app.cli import app
from app.domain.errors import UserError

SCRIPT = Path(sys.executable).with_name("corrigent")
GOLDEN = Path(__file__).parent / "golden"
_DEADLINE = 60
_VARYING = (
    (re.compile(r"\b(ruff|ty|ast-grep|shellcheck|hadolint|zizmor|oxlint) \d+(\.\d+)+"), r"\1 0.0.0"),
    (re.compile(r'("(?:tool_)?version": )"0\.[\d.]+"'), r'\1"0.0.0"'),
    (re.compile(r'("(?:input_tokens|output_tokens|dollars)": )[\d.e-]+'), r"\g<1>0"),
    (re.compile(r"\$\d+\.\d\d"), "$0.00"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://127.0.0.1:0"),
)


@dataclass(frozen=True)
class Ran:
    """What a call left."""

    code: int | str | None
    out: str
    err: str


@dataclass(frozen=True)
class Console:
    """Calls of `corrigent review` in one folder; `home` holds settings, `temp` what it may leave behind."""

    folder: Path
    home: Path
    temp: Path

    async def review(self, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
        """In this process, which saves the time of a start; the loop goes on, so that a fake forge can answer."""
        self._make_folders()
        return await asyncio.to_thread(self._call, arguments, env or {})

    async def start(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdout: int = asyncio.subprocess.PIPE,
        stderr: int = asyncio.subprocess.PIPE,
    ) -> asyncio.subprocess.Process:
        """The console script, as a person starts it."""
        self._make_folders()
        return await asyncio.create_subprocess_exec(
            *(str(SCRIPT), "review", *arguments),
            cwd=self.folder,
            env=self._environment(env or {}),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )

    async def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> Ran:
        return await ended(await self.start(*arguments, env=env))

    def _make_folders(self) -> None:
        self.home.mkdir(exist_ok=True)
        self.temp.mkdir(exist_ok=True)

    def _environment(self, env: Mapping[str, str]) -> dict[str, str]:
        ours = {"HOME": str(self.home), "TMPDIR": str(self.temp), "CORRIGENT_HOME": str(self.home)}
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", **ours, **env}

    def _call(self, arguments: tuple[str, ...], env: Mapping[str, str]) -> Ran:
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        err = io.StringIO()
        with (
            patch.dict(os.environ, self._environment(env), clear=True),
            patch.object(tempfile, "tempdir", str(self.temp)),
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = _exit_code(arguments)
        out.seek(0)
        return Ran(code, out.read(), err.getvalue())


def _exit_code(arguments: tuple[str, ...]) -> int | str | None:
    """As the console script ends, less the end of the process."""
    try:
        app(["review", *arguments])
    except SystemExit as done:
        return done.code
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def ended(process: asyncio.subprocess.Process) -> Ran:
    try:
        async with asyncio.timeout(_DEADLINE):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    return Ran(process.returncode, (out or b"").decode(), err.decode())


def same_as_golden(name: str, text: str) -> None:
    """Compares with the golden file; a difference is left beside it, to be looked at and moved over it."""
    for pattern, instead in _VARYING:
        text = pattern.sub(instead, text)
    golden, fresh = GOLDEN / name, GOLDEN / f"{name}.new"
    if golden.exists() and golden.read_text() == text:
        fresh.unlink(missing_ok=True)
        return
    fresh.write_text(text)
    raise AssertionError(f"{name} differs, see {fresh}:\n{text}")
