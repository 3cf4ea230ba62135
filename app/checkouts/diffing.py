"""Makes the diff that is reviewed: what changed between merge base and head, and why some of it is not read."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from pathlib import PurePosixPath

from app.checkouts import objects
from app.checkouts.diff_parser import (
    RawChange,
    decode_path,
    parse_combined,
    parse_patch,
    read_changes,
    read_counts,
)
from app.checkouts.git import Git, GitTimeout, OutputTooLarge
from app.domain.diff import Diff, FileChange
from app.domain.file_rules import (
    GENERATED,
    Attributes,
    ChangedFile,
    has_generated_header,
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
_PATCH = ("--patch", "-U3")
_WITH_OLD_TEXT = {"modified", "renamed"}
_NO_OBJECT = "0" * 40
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


async def diff(git: Git, merge_base_sha: str, head_sha: str, *, limits: SizeLimits, ignore: Sequence[str] = ()) -> Diff:
    """All changed files; those that no reviewer reads carry the reason and no lines."""
    commits = (objects.checked(merge_base_sha), objects.checked(head_sha))
    changes, patch = await _list_changes(git, commits, limits)
    attributes, generated = await _said_at_base(git, merge_base_sha, changes)
    reasons = await _reasons_before_reading(git, changes, attributes, limits, ignore)
    wanted = [change for change in changes if change.path not in reasons]
    patches = await _read_patches(git, commits, changes, patch, wanted, limits)
    reasons |= dict.fromkeys(generated.intersection(change.path for change in wanted), GENERATED)
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


async def _list_changes(git: Git, commits: tuple[str, str], limits: SizeLimits) -> tuple[list[RawChange], bytes | None]:
    """The changed files and the patch of all of them; None for a patch that is too much to be in memory at once."""
    command = ("diff-tree", "--numstat", *_OPTIONS)
    try:
        output = await git.run(*command, *_PATCH, *commits, config=_config(limits), output_cap=_PATCH_CAP)
        whole = True
    except OutputTooLarge:
        output = await git.run(*command, *commits, config=_config(limits))
        whole = False
    changes, end = read_changes(output)
    counts, end = read_counts(output, end)
    counted = [change.counted(*counts.get(change.path, (0, 0))) for change in changes]
    return counted, output[end + 1 :] if whole else None


async def _said_at_base(
    git: Git, merge_base_sha: str, changes: Sequence[RawChange]
) -> tuple[Attributes, frozenset[bytes]]:
    """What the merge base says of the files, as the pull request's own version could hide them.

    Its attributes, and the (new) paths of those that say in their first lines that they are generated.
    """
    parents = {str(folder) for change in changes for folder in PurePosixPath(change.name).parents}
    folders = ["" if folder == "." else folder for folder in sorted(parents)]
    texts = [change for change in changes if change.kind in _WITH_OLD_TEXT and not change.binary]
    places = [f"{folder}/.gitattributes".removeprefix("/") for folder in folders]
    names = [f"{merge_base_sha}:{place}" for place in places] + [change.old_blob for change in texts]
    rules: dict[str, str] = {}
    generated: set[bytes] = set()
    async with aclosing(objects.read_objects(git, [name.encode() for name in names], cap=2**40)) as answers:
        waiting = iter([*folders, *texts])
        async for kind, content in answers:
            of = next(waiting)
            if isinstance(of, RawChange):
                generated |= {of.path} if has_generated_header(content) else set()
            elif kind == "blob":
                rules[of] = content.decode("utf-8", "replace")
    return Attributes(rules), frozenset(generated)


async def _reasons_before_reading(
    git: Git, changes: Sequence[RawChange], attributes: Attributes, limits: SizeLimits, ignore: Sequence[str]
) -> dict[bytes, str]:
    sizes = await _sizes(git, (change for change in changes if change.binary))
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


async def _sizes(git: Git, changes: Iterable[RawChange]) -> dict[str, int]:
    wanted = {blob for change in changes for blob in (change.old_blob, change.new_blob)} - {_NO_OBJECT}
    return await objects.sizes(git, sorted(wanted)) if wanted else {}


async def _read_patches(
    git: Git,
    commits: tuple[str, str],
    changes: Sequence[RawChange],
    patch: bytes | None,
    wanted: Sequence[RawChange],
    limits: SizeLimits,
) -> dict[str, FileChange]:
    if patch is None:
        answers = [await _read_batch(git, commits, batch, limits) for batch in _batches(wanted)]
    else:
        answers = [await asyncio.to_thread(parse_patch, changes, patch, {change.path for change in wanted})]
    return {file.path: file for answer in answers for file in answer}


async def _read_batch(
    git: Git, commits: tuple[str, str], batch: Sequence[RawChange], limits: SizeLimits
) -> Sequence[FileChange]:
    paths = {path for change in batch for path in (change.old_path, change.path)}
    try:
        command = ("diff-tree", *_PATCH, *_OPTIONS, *commits, "--", *paths)
        output = await git.run(*command, config=_config(limits), output_cap=_PATCH_CAP)
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
