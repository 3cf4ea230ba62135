"""One folder inside the sandbox that shows the head, the head with the patch's tests, or the fixed code.

The sides take turns in the same place, because installed dependencies and build files know the folder by its path.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from app.sandboxes.base import WORK, Room
from autofix.patches import ParsedPatch
from autofix.patches_content import apply
from autofix.verify_files import Parts

# with_tests: the head and only the tests of the patch. old_tests: the fix, and every test that was there as it was.
Side = Literal["head", "with_tests", "fixed", "old_tests"]
# Of all files that a patch changes, together.
_LARGEST = 20_000_000

# Everything that a run may write to, but for what we keep ourselves and what is only built anew at length.
_FIND = """
found() {
  find . /tmp /var/tmp /dev/shm -xdev -mindepth 1 \\( -path "${kept%/*}" -o -path "$HOME/.cache/go-build" \
    -o -path "$HOME/.cargo" -o -path "$HOME/.m2" -o -path "$HOME/.gradle" -o -path "$HOME/.npm" \\) -prune \
    -o -print0 2>/dev/null | LC_ALL=C sort -z
}
"""
# The head's own files are kept aside at first; a second try, after a crash half way, begins with putting them back.
# Printed: what the list of all files must still be like when it is read again, and the processes that may stay.
_BEGIN = f"""
kept="$1"; shift
{_FIND}
if [ -e "$kept/whole" ]; then
  rm -f -- "$@"; cp -pR "$kept/head/." .
else
  rm -rf "$kept"; mkdir -p "$kept/head"
  for name in "$@"; do if [ -f "$name" ]; then cp -p --parents -- "$name" "$kept/head"; fi; done
  found > "$kept/files"
  for entry in /proc/[0-9]*; do printf '%s ' "${{entry#/proc/}}"; done > "$kept/processes"
  : > "$kept/whole"
fi
sha256sum < "$kept/files"
cat "$kept/processes"
"""
# What a run left is taken away, and the files that differ between sides; of Python's also what was compiled of them,
# which goes by the second of their time and their size, and both may well be the same. A test that could leave a note
# for its next run, in a file or with a process, would know whether it is to fail. Processes are ended in a sandbox
# only, where the first of all has started us.
_TIDY = f"""
kept="$1" list="$2" processes="$3"; shift 3
{_FIND}
if [ "$PPID" = 1 ]; then
  for entry in /proc/[0-9]*; do
    pid="${{entry#/proc/}}"
    case " 1 $$ $processes " in *" $pid "*) ;; *) kill -9 "$pid" 2>/dev/null ;; esac
  done
fi
[ "$(sha256sum < "$kept/files")" = "$list" ] || {{ echo 'a run changed the list of files'; exit 1; }}
found > "$kept/now"
LC_ALL=C comm -z -13 "$kept/files" "$kept/now" | xargs -0 -r rm -rf --
rm -rf -- "${{kept%/*}}"/*/tmp
rm -f -- "$@"
for name in "$@"; do
  case "$name" in *.py) stem="${{name##*/}}"; rm -f -- "${{name%/*}}/__pycache__/${{stem%.py}}".*.pyc ;; esac
done
"""
# Build tools compare times, and a file out of an archive would look older than what was built of it.
_TOUCH = 'shift; [ "$#" -eq 0 ] || touch -- "$@"'


class SidesFailed(Exception):
    """The folder could not be made to show a side: the sandbox is broken or full; one sentence."""


@dataclass(frozen=True)
class Versions:
    """A file's content before and after, None where it is not there."""

    head: bytes | None
    fixed: bytes | None


class Sides:
    """Shows one side at a time."""

    def __init__(self, room: Room, patch: ParsedPatch, *, folder: str = WORK, scratch: str) -> None:
        self._room = room
        self._patch = patch
        self._folder = folder
        self._kept = scratch
        self._files: Mapping[str, Versions] = {}
        self._tests: set[str] = set()
        # The digest of the list of files, and the processes that were there before any run.
        self._begun = ("", "")
        # Files that hold their own tests: with the patch's tests only, and with all but those.
        self._divided: dict[str, tuple[bytes | None, bytes | None]] = {}

    async def begin(self) -> Mapping[str, Versions]:
        """Both versions of every file that the patch touches. DoesNotApply when it was made on something else."""
        paths = sorted(self._patch.paths)
        told = (await self._sh(_BEGIN, paths)).splitlines()
        self._begun = (told[0], told[-1]) if told else ("", "")
        contents = await self._room.read([f"{self._folder}/{path}" for path in paths], max_bytes=_LARGEST)
        found: dict[str, Versions] = {}
        for file in self._patch.files:
            head = contents.get(f"{self._folder}/{file.old_path}")
            fixed = apply(file, head)
            if file.status == "renamed":
                found[file.old_path] = Versions(head, None)
                head = contents.get(f"{self._folder}/{file.path}")
            found[file.path] = Versions(head, fixed)
        self._files = found
        return found

    def divide(self, parts: Parts) -> None:
        """Tell the tests from the product; before this every side but the head is the fix."""
        product = {file.path: file for file in parts.product}
        self._tests = {name for file in parts.tests for name in (file.path, file.old_path)}
        for file in parts.tests:
            if file.path in product:
                head = self._files[file.path].head
                self._divided[file.path] = (apply(file, head), apply(product[file.path], head))

    async def show(self, side: Side) -> None:
        wanted = {path: self._content(path, version, side) for path, version in self._files.items()}
        there = {path: content for path, content in wanted.items() if content is not None}
        await self._sh(_TIDY, wanted, *self._begun)
        await self._room.write(there, self._folder)
        await self._sh(_TOUCH, there)

    def _content(self, path: str, version: Versions, side: Side) -> bytes | None:
        if path in self._divided and side in {"with_tests", "old_tests"}:
            with_tests, old_tests = self._divided[path]
            return with_tests if side == "with_tests" else old_tests
        is_test = path in self._tests
        shown = {"head": False, "with_tests": is_test, "fixed": True, "old_tests": not is_test}[side]
        return version.fixed if shown else version.head

    async def _sh(self, script: str, names: Iterable[str], *words: str) -> str:
        paths = [f"./{name}" for name in names]
        ran = await self._room.run(("/bin/sh", "-c", script, "sh", self._kept, *words, *paths), cwd=self._folder)
        said = ran.output.decode("utf-8", "replace").strip()
        if not ran.passed:
            raise SidesFailed(f"The files could not be exchanged: {said[-200:] or ran.ended.ending}.")
        return said
