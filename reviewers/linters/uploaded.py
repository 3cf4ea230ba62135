"""What a repository's own CI says of a change's lines, as findings that count as one more analyser's word."""

from collections.abc import Iterator, Sequence

from app.domain.diff import Diff, FileChange
from app.domain.findings import Category, Evidence, Finding, Place, Severity
from app.domain.review import ReviewerReport
from app.domain.sarif_upload import Upload, UploadedResult
from reviewers.linters.base import as_title

NAME = "uploaded"

_SEVERITIES = {"error": Severity.MEDIUM, "warning": Severity.LOW, "note": Severity.LOW}
_LONGEST_PLACE = 5


def uploaded_report(uploads: Sequence[Upload], diff: Diff) -> ReviewerReport:
    """Hints only: who may send a file is not who may open a thread. It read nothing in our name."""
    files = {file.path: file for file in diff.reviewable}
    return ReviewerReport(
        reviewer=NAME,
        is_model=False,
        findings=tuple(finding for upload in uploads for finding in _findings(upload, files)),
        analysers=tuple(_label(upload) for upload in uploads),
    )


def _label(upload: Upload) -> str:
    rest = f", {upload.left_out} left out" if upload.left_out else ""
    return f"{upload.tool} (uploaded{rest})"


def _findings(upload: Upload, files: dict[str, FileChange]) -> Iterator[Finding]:
    for result in upload.results:
        file = files.get(result.path)
        touched = sorted(_touched(result, file)) if file else []
        if file and touched:
            yield _finding(upload.tool, result, file, touched)


def _touched(result: UploadedResult, file: FileChange) -> Iterator[int]:
    return (line for line in file.added_lines if result.start_line <= line <= result.end_line)


def _finding(tool: str, result: UploadedResult, file: FileChange, touched: Sequence[int]) -> Finding:
    added = {line.new: line.text for hunk in file.hunks for line in hunk.added}
    first, last = touched[0], touched[-1]
    # Only lines of the change are quoted: the others may be anything.
    if last - first >= _LONGEST_PLACE or len(touched) != last - first + 1:
        last = first
    quote = "\n".join(added[number] for number in range(first, last + 1))
    name = f"{tool} (uploaded)"
    return Finding(
        reviewer=name,
        rule=result.rule or "no rule",
        category=Category.CORRECTNESS,
        severity=_SEVERITIES[result.level],
        title=as_title(result.message),
        body=f"{result.message}\n\nSaid by {tool} in this repository's own CI.",
        place=Place(path=file.path, start_line=first, line=last),
        quote=quote if quote.strip() else file.path,
        evidence=(Evidence(kind="analyser", text=f"{name} {result.rule}".strip()),),
        stands_alone=False,
    )
