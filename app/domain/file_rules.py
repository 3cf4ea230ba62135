"""Which changed files no reviewer reads, and why: a phrase the check shows. Pure, and the only place that decides."""

import re
from collections.abc import Iterable, Mapping, Sequence

from app.domain.diff import ChangeKind, FileChange
from app.domain.globs import matches, matches_any
from app.domain.model import Frozen
from app.domain.repo_config import SizeLimits

GENERATED = "generated"

_LOCK_FILES = frozenset(
    {
        "bun.lock",
        "bun.lockb",
        "Cargo.lock",
        "composer.lock",
        "conan.lock",
        "deno.lock",
        "flake.lock",
        "Gemfile.lock",
        "go.sum",
        "go.work.sum",
        "gradle.lockfile",
        "mix.lock",
        "npm-shrinkwrap.json",
        "package-lock.json",
        "Package.resolved",
        "packages.lock.json",
        "pdm.lock",
        "Pipfile.lock",
        "pixi.lock",
        "pnpm-lock.yaml",
        "Podfile.lock",
        "poetry.lock",
        "pubspec.lock",
        "uv.lock",
        "yarn.lock",
    }
)
_VENDOR_FOLDERS = frozenset(
    {
        "node_modules",
        "bower_components",
        "vendor",
        "third_party",
        "third-party",
        "thirdparty",
        "Pods",
        "Carthage",
        "site-packages",
    }
)
_GENERATED_NAMES = ("*.pb.go", "*_pb2.py", "*_pb2_grpc.py", "*_pb2.pyi", "*.pb.cc", "*.pb.h", "*.g.dart", "*.snap")
_GENERATED_HEADER = re.compile(r"Code generated .{0,200}DO NOT EDIT|@generated\b")
# How far down may a "generated" header stand?
_HEADER_LINES = 12
# Longer lines, on average, than any person writes or reads.
_MINIFIED_AVERAGE = 400
_LFS_POINTER = "version https://git-lfs.github.com/spec/"
_TEST = re.compile(
    r"(^|/)(tests?|specs?|__tests__|testdata|fixtures)/|(^|/)test_|(_test|_spec|\.test|\.spec)\.\w+$", re.IGNORECASE
)
_PROSE = re.compile(
    r"(^|/)docs?/|\.(md|mdx|rst|adoc|svg)$|(^|/)(LICENSE|NOTICE|CHANGELOG|AUTHORS)[^/]*$", re.IGNORECASE
)
_NO_TEXT: dict[ChangeKind, str] = {
    "submodule": "submodule",
    "symlink": "symbolic link",
    "mode": "mode change only",
    "deleted": "deleted",
}


class ChangedFile(Frozen):
    """What is known of a file before its lines are read."""

    path: str
    kind: ChangeKind
    binary: bool = False
    # Changed lines; 0 for a pure rename and the like.
    changed_lines: int = 0
    # The larger version's bytes where they are known to be over the limit.
    size: int = 0


class Attributes:
    """linguist-generated and linguist-vendored, as .gitattributes files say it, the deepest and last line winning."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """`files`: folder ("" is the root) to the text of its .gitattributes, read at the merge base."""
        ordered = sorted(files.items(), key=lambda item: len(item[0]))
        self._rules = [(folder, pattern, marks) for folder, text in ordered for pattern, marks in _rules(text)]

    def reason(self, path: str) -> str | None:
        found: dict[str, bool] = {}
        for folder, pattern, marks in self._rules:
            inside = path if not folder else path.removeprefix(folder + "/")
            if (not folder or inside != path) and matches(inside, pattern):
                found.update(marks)
        return next((word for word in (GENERATED, "vendored") if found.get(word)), None)


def skip_reason(file: ChangedFile, *, ignore: Sequence[str], attributes: Attributes, limits: SizeLimits) -> str | None:
    """Why a file is not read, as far as its name, kind and size tell; None when its lines are worth reading."""
    if matches_any(file.path, ignore):
        return "ignored by configuration"
    if file.kind in _NO_TEXT:
        return _NO_TEXT[file.kind]
    return _reason_by_name(file.path) or _reason_by_size(file, limits) or attributes.reason(file.path)


def skip_reason_by_text(file: FileChange) -> str | None:
    """Why a file is not read, as far as its changed lines tell."""
    texts = [line.text for hunk in file.hunks for line in hunk.lines if line.kind != "context"]
    if texts and any(text.startswith(_LFS_POINTER) for text in texts[:4]):
        return "LFS pointer"
    if sum(len(text) for text in texts) > _MINIFIED_AVERAGE * max(len(texts), 1):
        return "minified"
    # Only a new file is believed: a pull request cannot hide an old file by writing a header into it.
    first = (line for hunk in file.hunks[:1] for line in hunk.lines[:_HEADER_LINES])
    if file.kind == "added" and any(_says_generated(line.text) for line in first if (line.new or 1) <= _HEADER_LINES):
        return GENERATED
    return None


def has_generated_header(content: bytes) -> bool:
    """Whether a file says in its first lines that it is generated."""
    first = content.split(b"\n", _HEADER_LINES)[:_HEADER_LINES]
    return any(_says_generated(line[:1000].decode("utf-8", "replace")) for line in first)


def _says_generated(line: str) -> bool:
    return _GENERATED_HEADER.search(line[:1000]) is not None


def over_limits(files: Sequence[ChangedFile], limits: SizeLimits) -> dict[str, str]:
    """The files that are too many, with the reason: documentation goes first, then tests, code stays to the last.

    Within a class a file that does not fit is left out alone; smaller ones after it are still read.
    """
    reasons: dict[str, str] = {}
    kept = lines = 0
    for file in sorted(files, key=lambda file: _risk(file.path)):
        if kept >= limits.files:
            reasons[file.path] = f"over {limits.files:,} files"
        elif lines + file.changed_lines > limits.changed_lines:
            reasons[file.path] = f"over {limits.changed_lines:,} changed lines"
        else:
            kept, lines = kept + 1, lines + file.changed_lines
    return reasons


def _reason_by_name(path: str) -> str | None:
    *folders, name = path.split("/")
    if name in _LOCK_FILES:
        return "lock file"
    if not _VENDOR_FOLDERS.isdisjoint(folders):
        return "vendored"
    if name.endswith((".min.js", ".min.css", ".js.map", ".css.map")):
        return "minified"
    return GENERATED if matches_any(name, _GENERATED_NAMES) else None


def _reason_by_size(file: ChangedFile, limits: SizeLimits) -> str | None:
    if file.size > limits.file_bytes:
        return f"over {limits.file_bytes // 1000} kB"
    if file.binary:
        return "binary"
    if not file.changed_lines:
        return "renamed only" if file.kind in {"renamed", "copied"} else "empty"
    return None


def _risk(path: str) -> int:
    if _PROSE.search(path):
        return 2
    return 1 if _TEST.search(path) else 0


def _rules(text: str) -> Iterable[tuple[str, dict[str, bool]]]:
    for line in text.splitlines()[:2000]:
        pattern, *words = line.split()[:50] or [""]
        marks = {name: value for word in words for name, value in _mark(word)}
        if marks and not pattern.startswith("#"):
            yield pattern, marks


def _mark(word: str) -> Iterable[tuple[str, bool]]:
    name, _, value = word.lstrip("-!").partition("=")
    if name in {"linguist-generated", "linguist-vendored"}:
        yield name.removeprefix("linguist-"), not word.startswith(("-", "!")) and value not in {"false", "0"}
