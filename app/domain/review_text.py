"""The body of a review: what is new, where, and what to type; at most 12 lines."""

from collections import Counter
from collections.abc import Sequence

from app.domain.findings import HeldBack, TrackedFinding
from app.domain.markdown import cell, clean_line, code
from app.domain.markers import run_marker
from app.domain.outcomes import Verdict
from app.domain.phrases import Voice, and_list, count, is_fate, severity_counts, short
from app.domain.review import ReviewResult

# How many findings does the table name? Twelve lines less the seven around it.
_ROWS = 5


def review_body(result: ReviewResult, voice: Voice) -> str:
    """Names the findings that get a thread now; the rest of the story is in the check."""
    new = [tracked for tracked in result.open if tracked.finding_id in set(result.to_post)]
    return "\n".join(
        (
            _heading(new, len(result.open) - len(new), result.verdict),
            "| | finding | |",
            "|---|---|---|",
            *_rows(new, voice),
            "",
            _offers(new, voice),
            f"<sub>{_footer(result)}</sub>",
            run_marker(result.run_id),
        )
    )


def _heading(new: Sequence[TrackedFinding], others: int, verdict: Verdict) -> str:
    counted = severity_counts([tracked.finding.severity for tracked in new])
    read = "all reviewed" if not verdict.unread_files else f"{verdict.unread_files} of them not reviewed: see the check"
    if verdict.files == 1:
        read = "reviewed" if not verdict.unread_files else "not reviewed whole: see the check"
    more = f" {others} more {'is' if others == 1 else 'are'} open: see the check." if others else ""
    model = "" if verdict.model else " Linters only: no model is configured."
    return f"**{counted}** in {count(verdict.files, 'file')}, {read}.{more}{model}"


def _rows(new: Sequence[TrackedFinding], voice: Voice) -> list[str]:
    shown = new if len(new) <= _ROWS else new[: _ROWS - 1]
    rows = [_row(tracked, voice) for tracked in shown]
    return rows if shown is new else [*rows, f"| | and {len(new) - len(shown)} more, each in its own thread | |"]


def _row(tracked: TrackedFinding, voice: Voice) -> str:
    title = clean_line(tracked.finding.title, hosts=voice.link_hosts, limit=120)
    return f"| {tracked.number} {tracked.finding.severity.title()} | {cell(title)} | {cell(code(tracked.where))} |"


def _offers(new: Sequence[TrackedFinding], voice: Voice) -> str:
    number = new[0].number if new else 1
    offers = [f"{voice.command(f'dismiss {number} why')} closes it for good"]
    if voice.can_fix:
        offers.insert(0, f"{voice.command(f'apply {number}')} mends and pushes if proved")
    if voice.can_answer:
        offers.append("or just ask in the thread.")
    return " · ".join(offers)


def _footer(result: ReviewResult) -> str:
    # What a person raised already stands on the pull request: nothing is held back from the reader.
    kinds = Counter(_kind(held) for held in result.held_back if not held.reason.startswith("already"))
    if not kinds:
        return short(result.head_sha)
    counted = and_list([f"{number} {kind}" for kind, number in kinds.items()])
    noun = "finding" if list(kinds.values())[-1] == 1 else "findings"
    return f"{short(result.head_sha)} · {counted} {noun} held back: see the check"


def _kind(held: HeldBack) -> str:
    return held.reason.partition(" ")[0] if is_fate(held.reason) else held.finding.finding.severity.value
