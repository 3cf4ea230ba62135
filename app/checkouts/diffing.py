"""Makes the diff that is reviewed: what changed between merge base and head, and why some of it is not read."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from app.checkouts import objects
from app.checkouts.diff_parser import RawChange, decode_path, parse_combined, read_changes, read_counts
from app.checkouts.git import Git, GitTimeout, OutputTooLarge
from app.domain.diff import Diff, FileChange
from app.domain.file_rules import (
    GENERATED,
    Attributes,
    ChangedFile,
    is_generated_header,
    over_limits,
    skip_reason,
    skip_reason_by_text,
)
from app.domain.repo_config import SizeLimits

# How much patch text may be in memory at once? A batch of files that prints more is read in halves.
_PATCH_CAP = 16 * 1024 * 1024
# Linux takes 2 MB of arguments.
_ARGUMENT_BYTES = 500_000
# As the forges make them: three lines of context, the default algorithm, renames found; the same whoever runs it.
_OPTIONS = (
    "-r",
    "--raw",
    "-z",
    "--full-index",
    "--find-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
)
_HEADER_WORDS = "Code generated .*DO NOT EDIT|@generated"
_NO_OBJECT = "0" * 40
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


async def diff(git: Git, merge_base_sha: str, head_sha: str, *, limits: SizeLimits, ignore: Sequence[str] = ()) -> Diff:
    """All changed files; those that no reviewer reads carry the reason and no lines."""
    commits = (objects.checked(merge_base_sha), objects.checked(head_sha))
    changes = await _list_changes(git, commits, limits)
    reasons = await _reasons_before_reading(git, commits[0], changes, limits, ignore)
    wanted = [change for change in changes if change.path not in reasons]
    patches, generated = await asyncio.gather(
        _read_patches(git, commits, wanted, limits), _generated_at_base(git, commits[0], wanted)
    )
    reasons |= dict.fromkeys(generated, GENERATED)
    files = tuple(_file(change, reasons.get(change.path), patches, limits) for change in changes)
    return Diff(merge_base_sha=merge_base_sha, head_sha=head_sha, files=files)


async def patch_id(git: Git, merge_base_sha: str, head_sha: str) -> str:
    """The same for the same change on another base, down to every space; empty when nothing may be concluded from it.

    Neither plain nor --stable ids would do: they ignore indentation.
    """
    commits = (objects.checked(merge_base_sha), objects.checked(head_sha))
    try:
        output = await git.pipe(
            ("diff", "--full-index", "--binary", "--no-ext-diff", "--no-textconv", *commits), ("patch-id", "--verbatim")
        )
    except GitTimeout:
        return ""
    return output.decode("ascii").partition(" ")[0]


async def _list_changes(git: Git, commits: tuple[str, str], limits: SizeLimits) -> list[RawChange]:
    output = await git.run("diff-tree", "--numstat", *_OPTIONS, *commits, config=_config(limits))
    changes, end = read_changes(output)
    counts = read_counts(output, end)
    return [change.counted(*counts.get(change.path, (0, 0))) for change in changes]


async def _reasons_before_reading(
    git: Git, merge_base_sha: str, changes: Sequence[RawChange], limits: SizeLimits, ignore: Sequence[str]
) -> dict[bytes, str]:
    attributes, sizes = await asyncio.gather(
        _attributes(git, merge_base_sha, changes), _sizes(git, (change for change in changes if change.binary))
    )
    facts = {change.path: _facts(change, sizes) for change in changes}
    found = {
        path: skip_reason(file, ignore=ignore, attributes=attributes, limits=limits) for path, file in facts.items()
    }
    reasons = {path: reason for path, reason in found.items() if reason is not None}
    too_many = over_limits([file for path, file in facts.items() if path not in reasons], limits)
    return reasons | {path: too_many[file.path] for path, file in facts.items() if file.path in too_many}


def _facts(change: RawChange, sizes: dict[str, int]) -> ChangedFile:
    return ChangedFile(
        path=change.name,
        kind=change.kind,
        binary=change.binary,
        changed_lines=(change.added or 0) + (change.removed or 0),
        size=max(sizes.get(change.old_blob, 0), sizes.get(change.new_blob, 0)),
    )


async def _attributes(git: Git, merge_base_sha: str, changes: Sequence[RawChange]) -> Attributes:
    """From the merge base: the pull request's own version could hide its files."""
    folders = {str(folder) for change in changes for folder in PurePosixPath(change.name).parents}
    texts = await objects.read_texts(
        git, merge_base_sha, [".gitattributes" if folder == "." else f"{folder}/.gitattributes" for folder in folders]
    )
    return Attributes({path.rpartition("/")[0]: text for path, text in texts.items()})


async def _sizes(git: Git, changes: Iterable[RawChange]) -> dict[str, int]:
    wanted = {blob for change in changes for blob in (change.old_blob, change.new_blob)} - {_NO_OBJECT}
    return await objects.sizes(git, sorted(wanted)) if wanted else {}


async def _read_patches(
    git: Git, commits: tuple[str, str], changes: Sequence[RawChange], limits: SizeLimits
) -> dict[str, FileChange]:
    batches = _batches(changes)
    answers = [await _read_batch(git, commits, batch, limits) for batch in batches]
    return {file.path: file for answer in answers for file in answer}


async def _read_batch(
    git: Git, commits: tuple[str, str], batch: Sequence[RawChange], limits: SizeLimits
) -> Sequence[FileChange]:
    paths = {path for change in batch for path in (change.old_path, change.path)}
    try:
        output = await git.run(
            "diff-tree",
            "--patch",
            "-U3",
            *_OPTIONS,
            *commits,
            "--",
            *paths,
            config=_config(limits),
            output_cap=_PATCH_CAP,
        )
    except OutputTooLarge:
        if len(batch) == 1:
            return ()
        half = len(batch) // 2
        first = await _read_batch(git, commits, batch[:half], limits)
        return (*first, *await _read_batch(git, commits, batch[half:], limits))
    return await asyncio.to_thread(parse_combined, output)


def _batches(changes: Sequence[RawChange]) -> list[list[RawChange]]:
    batches: list[list[RawChange]] = []
    room = 0
    for change in changes:
        room -= len(change.path) + len(change.old_path) + 16
        if room < 0:
            batches.append([])
            room = _ARGUMENT_BYTES
        batches[-1].append(change)
    return batches


async def _generated_at_base(git: Git, merge_base_sha: str, changes: Sequence[RawChange]) -> set[bytes]:
    """Changed files whose old version says in its first lines that it is generated."""
    found: set[bytes] = set()
    for batch in _batches([change for change in changes if change.status in "MR"]):
        by_old_path = {change.old_path: change.path for change in batch}
        options = ("-I", "-z", "-n", "-o", "-m1", "-E", "-e", _HEADER_WORDS)
        output = await git.run("grep", *options, merge_base_sha, "--", *by_old_path, accept=(0, 1))
        found |= {by_old_path[path] for path in _in_header(output, merge_base_sha) if path in by_old_path}
    return found


def _in_header(output: bytes, merge_base_sha: str) -> Iterable[bytes]:
    prefix = f"{merge_base_sha}:".encode()
    for record in output.split(prefix)[1:]:
        path, number, text = record.split(b"\0", 2)
        if is_generated_header(int(number), text.decode("utf-8", "replace")):
            yield path


def _file(change: RawChange, reason: str | None, patches: dict[str, FileChange], limits: SizeLimits) -> FileChange:
    file = patches.get(change.name) if reason is None else None
    if file is not None:
        reason = skip_reason_by_text(file)
        return file if reason is None else file.model_copy(update={"skipped": reason, "hunks": ()})
    return FileChange(
        path=change.name,
        old_path=decode_path(change.old_path),
        kind=change.kind,
        binary=change.binary,
        skipped=reason or f"over {limits.file_bytes // 1000} kB",
    )


def _config(limits: SizeLimits) -> dict[str, str]:
    return {
        # What is larger is not compared line by line at all; git then says "binary".
        "core.bigFileThreshold": str(limits.file_bytes),
        # From 2.43 on git reads attributes of HEAD, also in a bare repository: a branch could call its code binary.
        "attr.tree": _EMPTY_TREE,
    }
