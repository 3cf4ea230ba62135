"""Files that no reviewer reads, told in few words: by reason, folders instead of long lists."""

from collections.abc import Mapping
from itertools import groupby
from posixpath import commonpath, dirname

from app.domain.markdown import clean_line, code
from app.domain.outcomes import TOO_LARGE
from app.domain.phrases import count

# Up to how many files of one reason are named?
_NAMED = 3


def skipped_phrases(skipped: Mapping[str, str]) -> list[str]:
    """`package-lock.json` (lock file), `api/gen/**` (generated, 14 files); too large ones are not among them."""
    by_reason = sorted((reason, path) for path, reason in skipped.items() if not reason.startswith(TOO_LARGE))
    groups = [(reason, [path for _, path in items]) for reason, items in groupby(by_reason, key=lambda item: item[0])]
    return [_phrase(reason, paths) for reason, paths in sorted(groups, key=lambda group: (len(group[1]), group[0]))]


def _phrase(reason: str, paths: list[str]) -> str:
    if len(paths) <= _NAMED:
        return f"{', '.join(code(path) for path in paths)} ({clean_line(reason)})"
    folder = commonpath([dirname(path) for path in paths])
    where = f"{code(f'{folder}/**')} " if folder else ""
    if not where:
        return f"{count(len(paths), 'file')} ({clean_line(reason)})"
    return f"{where}({clean_line(reason)}, {count(len(paths), 'file')})"
