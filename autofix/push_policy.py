"""Whether a patch may be pushed: a pure function of the patch, answering with every reason against it."""

import re
from collections.abc import Iterator
from typing import Literal

from app.domain.errors import Refused
from app.domain.invisible import hidden_in
from app.domain.model import Frozen
from app.domain.protected_paths import fold, names_dependencies, protected, sets_tools
from app.domain.secrets import Redactor
from autofix import push_secrets
from autofix.patches import FilePatch, ParsedPatch

Rule = Literal[
    "empty", "protected path", "file mode", "link", "binary", "size", "secret", "look-alike name", "dependency", "tools"
]

_FILE_MODES = {"", "100644", "100755"}
# Control characters, bytes that are not UTF-8, marks that turn the direction of writing, and what ends a line for some
# programs but in no diff: a comment that goes on there is code.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\x85\u2028\u2029\udc80-\udcff\u202a-\u202e\u2066-\u2069]|\r(?!$)")


class PushPolicy(Frozen):
    """How much a fix may change. Lines count added and removed ones."""

    files: int = 20
    lines: int = 500
    added_bytes: int = 200_000
    # The repository's or operator's word that lock files may change with a fix.
    lock_files: bool = False


class Objection(Frozen):
    """Why not: a sentence without a full stop that reads after "not pushed:"."""

    rule: Rule
    path: str
    reason: str


class Verdict(Frozen):
    """`refusals` hold whoever asks; `for_a_person` needs somebody who looked and said `apply`."""

    refusals: tuple[Objection, ...] = ()
    for_a_person: tuple[Objection, ...] = ()

    @property
    def allowed(self) -> bool:
        return not self.refusals

    @property
    def automatic(self) -> bool:
        """Whether it may go without a person's word."""
        return not self.refusals and not self.for_a_person

    @property
    def reason(self) -> str:
        """The first and gravest reason, empty when there is none."""
        return next((objection.reason for objection in (*self.refusals, *self.for_a_person)), "")

    def raise_if_refused(self) -> None:
        if self.refusals:
            raise Refused(self.reason)


def judge(patch: ParsedPatch, policy: PushPolicy | None = None, redactor: Redactor | None = None) -> Verdict:
    """Every objection, paths first. `redactor` knows the secrets that this process holds itself."""
    policy = policy or PushPolicy()
    refusals = [objection for file in patch.files for objection in _file_objections(file, policy)]
    refusals += _own_secrets(patch, redactor or Redactor())
    refusals += _look_alikes(patch)
    refusals += _size(patch, policy)
    return Verdict(refusals=tuple(refusals), for_a_person=tuple(_for_a_person(patch)))


def _for_a_person(patch: ParsedPatch) -> Iterator[Objection]:
    for path in sorted(patch.paths):
        if names_dependencies(path):
            yield Objection(rule="dependency", path=path, reason=f"{path} names dependencies")
        elif sets_tools(path):
            yield Objection(rule="tools", path=path, reason=f"{path} sets what tools do")


def _file_objections(file: FilePatch, policy: PushPolicy) -> Iterator[Objection]:
    for path in dict.fromkeys((file.path, file.old_path)):
        kind = protected(path)
        if kind is not None and not (kind == "lock file" and policy.lock_files):
            yield Objection(rule="protected path", path=path, reason=f"{path} is protected ({kind})")
    yield from _mode_objections(file)
    if file.binary:
        yield Objection(rule="binary", path=file.path, reason=f"{file.path} is a binary file")
    if any(_NOT_TEXT.search(text) or hidden_in(text) for _, text in file.added):
        yield Objection(rule="binary", path=file.path, reason=f"{file.path} would get characters that nobody can see")
    for line, family in push_secrets.find(file):
        reason = f"line {line} of {file.path} looks like a secret ({family})"
        yield Objection(rule="secret", path=file.path, reason=reason)


def _own_secrets(patch: ParsedPatch, redactor: Redactor) -> Iterator[Objection]:
    """In a file's name, or in all that is added to it: a value may be spread over lines."""
    for file in patch.files:
        added = "\n".join(text for _, text in file.added)
        if redactor.holds(f"{file.path}\n{added}"):
            # Without the path, which may be what holds it.
            yield Objection(rule="secret", path="", reason="it adds a secret of Corrigent's operator")


def _mode_objections(file: FilePatch) -> Iterator[Objection]:
    modes = {file.old_mode, file.new_mode}
    if "120000" in modes:
        yield Objection(rule="link", path=file.path, reason=f"{file.path} is a symbolic link")
    elif "160000" in modes:
        yield Objection(rule="link", path=file.path, reason=f"{file.path} is a submodule")
    elif not modes <= _FILE_MODES:
        yield Objection(rule="file mode", path=file.path, reason=f"{file.path} is no ordinary file")
    elif file.status == "added" and file.new_mode != "100644":
        yield Objection(rule="file mode", path=file.path, reason=f"{file.path} would be a new executable file")
    elif file.status in {"modified", "renamed"} and file.old_mode != file.new_mode:
        yield Objection(rule="file mode", path=file.path, reason=f"the mode of {file.path} would change")


def _look_alikes(patch: ParsedPatch) -> Iterator[Objection]:
    """Two names of the patch that are one file on somebody's machine."""
    seen: dict[str, str] = {}
    for path in sorted(patch.paths):
        other = seen.setdefault(fold(path), path)
        if other != path and not (path.isascii() and other.isascii() and _is_rename(patch, {path, other})):
            yield Objection(rule="look-alike name", path=path, reason=f"{path} and {other} are hard to tell apart")


def _is_rename(patch: ParsedPatch, names: set[str]) -> bool:
    return any({file.path, file.old_path} == names for file in patch.files)


def _size(patch: ParsedPatch, policy: PushPolicy) -> Iterator[Objection]:
    files, lines = len(patch.files), sum(file.added + file.removed for file in patch.changed_files)
    added_bytes = sum(len(text.encode("utf-8", "surrogateescape")) for file in patch.files for _, text in file.added)
    if files == 0:
        yield Objection(rule="empty", path="", reason="the patch changes nothing")
    if files > policy.files:
        yield Objection(rule="size", path="", reason=f"it changes {files} files, at most {policy.files} may")
    if lines > policy.lines:
        yield Objection(rule="size", path="", reason=f"it changes {lines} lines, at most {policy.lines} may")
    if added_bytes > policy.added_bytes:
        yield Objection(rule="size", path="", reason=f"it adds {added_bytes} bytes, at most {policy.added_bytes} may")
