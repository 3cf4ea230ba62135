"""The bundle that goes with a proof: what ran, how it ended, what it printed; cleaned, capped and hashed."""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from app.domain.fixes import RECORDING, EvidenceFile, ProvingCommand
from app.domain.secrets import Redactor
from autofix.checks import CheckRun

# Keeps a file and answers with the key under which it is found again: (name, bytes, media type) -> key.
Put = Callable[[str, bytes, str], Awaitable[str]]

# Of one command's output; what is over it is left out in the middle.
LONGEST_LOG = 200_000
_WIDTH, _HEIGHT = 120, 40
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])"
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def clean_log(output: bytes, redactor: Redactor) -> str:
    """Text that a terminal or a page can show without harm: no escapes, no controls, no secrets, not too much."""
    text = output.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    text = redactor.redact(_CONTROLS.sub("", _ESCAPES.sub("", text)))
    if len(text) <= LONGEST_LOG:
        return text
    half = LONGEST_LOG // 2
    return f"{text[:half]}\n[{len(text) - LONGEST_LOG} characters left out]\n{text[-half:]}"


@dataclass
class Evidence:
    """Collects runs in their order."""

    redactor: Redactor = field(default_factory=Redactor)
    _runs: list[tuple[Literal["head", "fixed"], str, CheckRun]] = field(default_factory=list)  # pyright: ignore[reportUnknownVariableType] - a list's element type cannot be said to a factory

    def add(self, side: Literal["head", "fixed"], what: str, run: CheckRun) -> None:
        self._runs.append((side, what, run))

    @property
    def commands(self) -> tuple[ProvingCommand, ...]:
        return tuple(self._command(number, side, what, run) for number, (side, what, run) in enumerate(self._runs, 1))

    async def bundle(self, put: Put, *, verdict: str, pictures: Sequence[bytes] = ()) -> tuple[EvidenceFile, ...]:
        """Logs, recording and JUnit of every run, pictures, and last the manifest that names them with their hashes."""
        files: list[EvidenceFile] = []
        logs: list[str] = []
        for number, (side, what, run) in enumerate(self._runs, 1):
            logs.append(clean_log(run.ran.output, self.redactor))
            name = self._log_name(number, side)
            files.append(await _kept(put, name, f"# {side}, {what}\n$ {run.command}\n{logs[-1]}", "text/plain"))
            if run.junit is not None:
                report = clean_log(run.junit, self.redactor)
                files.append(await _kept(put, name.replace(".log", ".junit.xml"), report, "text/xml"))
        files.append(await _kept(put, RECORDING, self._recording(logs), "application/x-asciicast"))
        for number, picture in enumerate(pictures, 1):
            files.append(await _kept(put, f"picture-{number:02}.png", picture, "image/png"))
        manifest = {
            "verdict": verdict,
            "commands": [command.model_dump() for command in self.commands],
            "files": [file.model_dump(include={"name", "mime", "size", "sha256"}) for file in files],
        }
        files.append(await _kept(put, "manifest.json", json.dumps(manifest, indent=1), "application/json"))
        return tuple(files)

    def _command(self, number: int, side: Literal["head", "fixed"], what: str, run: CheckRun) -> ProvingCommand:
        ended = run.ran.ended
        return ProvingCommand(
            what=self.redactor.redact(what),
            argv=("sh", "-c", self.redactor.redact(run.command)),
            side=side,
            exit_code=ended.exit_code,
            ending=ended.ending,
            seconds=round(ended.seconds, 3),
            log=self._log_name(number, side),
        )

    def _log_name(self, number: int, side: str) -> str:
        return f"{number:02}-{side}.log"

    def _recording(self, logs: list[str]) -> str:
        """One terminal in which all of it ran, as asciicast v2. Output is shown when its command has ended."""
        events: list[tuple[float, str, str]] = []
        at = 0.0
        for (side, what, run), log in zip(self._runs, logs, strict=True):
            command = _CONTROLS.sub(" ", self.redactor.redact(run.command))
            events.append((at, "o", f"\x1b[1m# {side}: {what}\x1b[0m\r\n$ {command}\r\n"))
            at = round(at + run.ran.ended.seconds, 3)
            ended = run.ran.ended
            ending = f"exit code {ended.exit_code}" if ended.ending == "exited" else ended.ending
            events.append((at, "o", log.replace("\n", "\r\n") + f"\r\n[{ending}]\r\n\r\n"))
            at = round(at + 0.5, 3)
        header = {"version": 2, "width": _WIDTH, "height": _HEIGHT, "title": "Proof"}
        return "\n".join(json.dumps(line) for line in (header, *events)) + "\n"


async def _kept(put: Put, name: str, text: str | bytes, mime: str) -> EvidenceFile:
    content = text.encode("utf-8", "replace") if isinstance(text, str) else text
    key = await put(name, content, mime)
    digest = hashlib.sha256(content).hexdigest()
    return EvidenceFile(name=name, blob_key=key, mime=mime, size=len(content), sha256=digest)
