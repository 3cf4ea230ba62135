"""One linter on one change: what it says about the head, less what it said about the merge base."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel

from app.domain.diff import Side
from reviewers.base import Change, is_plain_file
from reviewers.linters.base import Hit, Linter
from reviewers.linters.blame import new_hits, touches
from reviewers.linters.files import SourceLines
from reviewers.linters.run import ProgramFailed, find_program, run_program

# Up to how many files does a second thread cost more (ty: 6 of 40 ms) than the time it saves is worth?
FEW_FILES = 20


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one linter."""

    linter: str
    # As the check names it: "ruff 0.17.5", "hadolint (not installed)"; empty when it had no file to read.
    label: str = ""
    # Only the change's own.
    hits: Sequence[Hit] = ()
    # Files that it should have read and did not, with a phrase that fits after "not reviewed".
    failed: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class Lint:
    """What all linters of one review share."""

    change: Change
    # An empty folder that the programs take for their home.
    home: Path
    search_path: str
    deadline: timedelta
    # Who holds it may run a program.
    turn: asyncio.Semaphore
    lines: Mapping[Side, SourceLines]

    async def run(self, linter: Linter, paths: Sequence[str]) -> Result:
        files = [path for path in paths if linter.reads(path)]
        if not files:
            return Result(linter=linter.name)
        program = find_program(linter.program, self.search_path)
        if program is None:
            return Result(linter=linter.name, label=f"{linter.name} (not installed)")
        label = f"{linter.name} {_version(linter.package, program)}".strip()
        async with self.turn:
            self.change.progress(f"linters: {linter.name} on {len(files)} {'file' if len(files) == 1 else 'files'}")
            try:
                return await self._result(linter, program, label, files)
            except ProgramFailed as failure:
                reason = f"{linter.name} {failure}"
                return Result(linter=linter.name, label=f"{label} (failed)", failed=dict.fromkeys(files, reason))

    async def _result(self, linter: Linter, program: str, label: str, files: Sequence[str]) -> Result:
        head, failed = await self._hits(linter, program, self.change.head_root, files)
        changed = self.change.diff.by_path
        suspects = sorted({hit.path for hit in head if touches(hit, changed[hit.path])})
        if not suspects:
            return Result(linter=linter.name, label=label, failed=failed)
        base = await self._base_hits(linter, program, suspects)
        own = await asyncio.to_thread(
            new_hits,
            [hit for hit in head if hit.path in suspects],
            base,
            head_line=self.lines["new"].line,
            base_line=self.lines["old"].line,
            files=changed,
        )
        return Result(linter=linter.name, label=label, hits=own, failed=failed)

    async def _base_hits(self, linter: Linter, program: str, paths: Sequence[str]) -> list[Hit]:
        """What it says about the merge base's versions, under their new names."""
        changed = self.change.diff.by_path
        new_names: dict[str, list[str]] = {}
        for path in paths:
            old_path = changed[path].old_path
            if changed[path].kind != "added" and is_plain_file(self.change.base_root, old_path):
                new_names.setdefault(old_path, []).append(path)
        if not new_names:
            return []
        hits, _ = await self._hits(linter, program, self.change.base_root, list(new_names))
        return [replace(hit, path=path) for hit in hits for path in new_names[hit.path]]

    async def _hits(
        self, linter: Linter, program: str, root: Path, files: Sequence[str]
    ) -> tuple[list[Hit], dict[str, str]]:
        """Hits under the files' own paths, and the files that the program could not read."""
        folder = await asyncio.to_thread(root.resolve)
        # "./" so that no name can be taken for an option, whatever the program thinks of "--".
        asked = {f"./{file}": file for file in files}
        argv = (program, *linter.arguments(self.home, files), "--", *asked)
        threads = 1 if len(files) <= FEW_FILES else 2
        output = await run_program(argv, folder=folder, home=self.home, deadline=self.deadline, threads=threads)
        if output.exit_code not in linter.good_exit_codes:
            raise ProgramFailed(f"ended with exit code {output.exit_code}")
        try:
            hits = await asyncio.to_thread(linter.parse, output)
        except ValueError as error:
            raise ProgramFailed("printed what cannot be read") from error
        unread = {_as_asked(path, folder): reason for path, reason in linter.unread(output, list(asked)).items()}
        named = [(asked.get(_as_asked(hit.path, folder)), hit) for hit in hits]
        return (
            [replace(hit, path=path) for path, hit in named if path is not None],
            {asked[name]: reason for name, reason in unread.items() if name in asked},
        )


def _as_asked(path: str, folder: Path) -> str:
    """Programs print a path as given, without its "./", or absolute."""
    return "./" + path.removeprefix(f"{folder}/").removeprefix("./")


class _NpmPackage(BaseModel):
    version: str


@cache
def _version(package: str, program: str) -> str:
    """From the package's metadata, since asking each program costs more than running it on a small change."""
    try:
        if package:
            return metadata.version(package)
        # <package>/bin/<program>, behind npm's link
        manifest = Path(program).resolve().parent.parent / "package.json"
        return _NpmPackage.model_validate_json(manifest.read_bytes()).version
    except (metadata.PackageNotFoundError, OSError, ValueError):
        return ""
