"""What a test of proofs needs besides a sandbox: a finding, and somebody who keeps the evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.domain.findings import Category, Finding, Place, Severity, TrackedFinding
from autofix.patches import ParsedPatch
from autofix.proof import Reviewed
from autofix.verify_sides import Versions


def finding(
    path: str, *, line: int = 1, rule: str = "correctness", quote: str = "", reviewer: str = "bug_hunter"
) -> TrackedFinding:
    found = Finding(
        reviewer=reviewer, rule=rule, category=Category.CORRECTNESS, severity=Severity.HIGH, title="It is wrong",
        body="It does the wrong thing", place=Place(path=path, start_line=line, line=line), quote=quote,
    )  # fmt: skip
    return TrackedFinding(
        finding_id="01", number=1, finding=found, first_seen_sha="0" * 40, keys=(), first_seen_at=datetime.now(UTC)
    )


@dataclass
class Kept:
    """The evidence, by name."""

    files: dict[str, bytes] = field(default_factory=dict[str, bytes])

    async def put(self, name: str, content: bytes, mime: str) -> str:
        self.files[name] = content
        return f"key/{name}"


async def gone(patch: ParsedPatch, files: Mapping[str, Versions]) -> Reviewed:
    """A reviewer that sees nothing at all: what is accepted, the proof alone accepted."""
    del patch, files
    return Reviewed(gone=True)
