"""The summary of a completed check: everything about a review that is not worth a notification."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from app.domain.coverage import Coverage
from app.domain.findings import HeldBack, TrackedFinding
from app.domain.markdown import clean, clean_line, code
from app.domain.names import CONFIG_FILE
from app.domain.outcomes import NOTHING_TO_REVIEW, TOO_LARGE, Outcome, Verdict, conclusion, title
from app.domain.phrases import Voice, count, dollars, is_fate, seconds, sentence, severity_counts, short
from app.domain.repo_config import ConfigInForce
from app.domain.review import CheckButton, CheckText, ReviewerUsage, ReviewResult
from app.domain.rule_text import check_line
from app.domain.skipped_files import skipped_phrases

# What GitHub accepts for a summary.
SUMMARY_LIMIT = 65_535

REVIEW_AGAIN = CheckButton(label="Review again", description="Read this head once more, all of it", identifier="again")
ACCEPT = CheckButton(label="Accept as is", description="Neutral, with your name on it", identifier="accept")
FIX_ALL = CheckButton(label="Fix all", description="Prepare fixes for all that is open", identifier="fix")
BUTTONS = {button.identifier: button for button in (REVIEW_AGAIN, ACCEPT, FIX_ALL)}

# How many findings or files does one line name before it only counts?
_NAMED = 20


def completed_check(result: ReviewResult, voice: Voice) -> CheckText:
    """Title, summary, conclusion and buttons of a review that came to its end."""
    lines = (_reviewed(result), "", *_facts(result, voice), *_details(result, voice))
    return CheckText(
        title=title(result.verdict),
        summary=cut_at_line(lines, SUMMARY_LIMIT),
        conclusion=conclusion(result.verdict),
        buttons=(*((FIX_ALL,) if voice.can_fix and result.open else ()), *buttons(result.verdict)),
    )


def buttons(verdict: Verdict) -> tuple[CheckButton, ...]:
    """What may be pressed under the check; only a gate has something to accept."""
    if verdict.outcome in {Outcome.SUPERSEDED, Outcome.WAITING} or is_over(verdict):
        return ()
    incomplete = verdict.outcome in {Outcome.INCOMPLETE, Outcome.NO_MODEL}
    return (REVIEW_AGAIN, ACCEPT) if incomplete and verdict.gate else (REVIEW_AGAIN,)


def is_over(verdict: Verdict) -> bool:
    """Whether asking for a review would change nothing: merged, closed, or without anything to read."""
    return verdict.outcome is Outcome.SKIPPED and verdict.reason.startswith(("Merged", "Closed", NOTHING_TO_REVIEW))


def cut_at_line(entries: Iterable[str], limit: int) -> str:
    """The entries as lines, whole ones only; the last line says how many are missing."""
    written, kept, left_out = 0, list[str](), 0
    room = limit - 100
    for entry in entries:
        if left_out or written + len(entry) + 1 > room:
            left_out += 1
            continue
        kept.append(entry)
        written += len(entry) + 1
    if left_out:
        kept += ["", f"{count(left_out, 'more line')} did not fit."]
    return "\n".join(kept)


def _reviewed(result: ReviewResult) -> str:
    took = (result.finished_at - result.started_at).total_seconds()
    parts = [
        f"Reviewed {short(result.head_sha)} against {clean_line(result.base_ref)} {short(result.merge_base_sha)}",
        f"{result.coverage.read_hunk_count} of {count(result.coverage.hunk_count, 'hunk')}",
        seconds(took),
        _cost(result.usage),
        f"effort {result.config.config.effort}" if result.verdict.model else "",
    ]
    if result.carried_from_sha:
        parts.append(f"carried over from {short(result.carried_from_sha)}, which has the same patch")
    return " · ".join(part for part in parts if part)


def _cost(usage: Sequence[ReviewerUsage]) -> str:
    models = [used for used in usage if used.model]
    if not models:
        return ""
    known = [used.dollars for used in models if used.dollars is not None]
    if not known:
        return "cost unknown"
    return dollars(sum(known)) if len(known) == len(models) else f"at least {dollars(sum(known))}"


def _facts(result: ReviewResult, voice: Voice) -> list[str]:
    facts = {
        "Open": _open(result) or "nothing",
        "Mended": " · ".join(_finding(tracked) for tracked in result.mended),
        "Held back": _held_back(result),
        "Skipped": " · ".join(skipped_phrases(result.coverage.skipped)),
        "Not reviewed": _not_reviewed(result.coverage) or "nothing",
        "Rules": check_line(result.config.rules),
        "Config": _config(result.config),
        "Analysers": ", ".join(clean_line(analyser) for analyser in result.analysers) or "none",
        "Models": _models(result.usage) or "none configured",
        "Run": _run(result.run_id, voice),
    }
    return [f"- **{name}** {text}" for name, text in facts.items() if text]


def _open(result: ReviewResult) -> str:
    shown = [
        f"{_finding(tracked)} (since {short(tracked.first_seen_sha)})"
        if tracked.first_seen_sha != result.head_sha
        else _finding(tracked)
        for tracked in result.open[:_NAMED]
    ]
    more = len(result.open) - len(shown)
    return " · ".join([*shown, f"{more} more"] if more else shown)


def _finding(tracked: TrackedFinding) -> str:
    name = tracked.finding.place.path.rpartition("/")[2]
    return f"{tracked.number} {tracked.finding.severity.title()} {code(f'{name}:{tracked.finding.place.line}')}"


def _held_back(result: ReviewResult) -> str:
    reasons = dict.fromkeys(held.reason for held in result.held_back)
    groups = [
        _held_back_for(reason, [held for held in result.held_back if held.reason == reason]) for reason in reasons
    ]
    return " · ".join([*groups, *([f"{result.outvoted} said by too few passes"] if result.outvoted else [])])


def _held_back_for(reason: str, held_back: Sequence[HeldBack]) -> str:
    if is_fate(reason):
        return f"{len(held_back)} {clean_line(reason)}"
    return f"{severity_counts([held.finding.finding.severity for held in held_back])} ({clean_line(reason)})"


def _not_reviewed(coverage: Coverage) -> str:
    """Files with the reviewer and the reason, one group for files that share both."""
    unread = [(item.reason, item.reviewer, item.path) for item in coverage.unread()]
    large = [(reason, "", path) for path, reason in coverage.skipped.items() if reason.startswith(TOO_LARGE)]
    groups: list[str] = []
    for (reason, reviewer), items in groupby(sorted(unread + large), key=lambda item: item[:2]):
        paths = [path for _, _, path in items]
        named = ", ".join(code(path) for path in paths[:_NAMED])
        more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        who = f"{reviewer}: " if reviewer else ""
        groups.append(f"{named}{more} ({clean_line(f'{who}{reason}')})")
    if not coverage.model_reviewers:
        groups.append("logic (no model is configured)")
    return " · ".join(groups)


def _config(config: ConfigInForce) -> str:
    source = f"`{CONFIG_FILE}` of the default branch" if config.read_at_sha else f"no `{CONFIG_FILE}`, defaults"
    match config.changed_by_pull_request:
        case "":
            change = ""
        case "valid":
            change = ". This pull request changes it: valid, takes effect once merged"
        case problem:
            change = f". This pull request changes it, with a problem: {sentence(clean_line(problem))}"
    problems = "".join(f"\n  - line {problem.line}: {clean_line(problem.text)}" for problem in config.problems)
    return f"{source}{change}{problems}"


def _models(usage: Sequence[ReviewerUsage]) -> str:
    return ", ".join(_model(used) for used in usage if used.model)


def _model(used: ReviewerUsage) -> str:
    did = (clean_line(used.role), count(used.requests, "request"))
    return f"{clean_line(used.model)} ({', '.join(part for part in did if part)})"


def _run(run_id: str, voice: Voice) -> str:
    return f"[{run_id}]({voice.public_url}/runs/{run_id})" if voice.public_url else run_id


def _details(result: ReviewResult, voice: Voice) -> list[str]:
    """Findings that no thread tells, so that none is lost."""
    untold = [t for t in result.open if t.comment_id is None and t.finding_id not in result.to_post]
    lines: list[str] = []
    if untold:
        lines += ["", "**Open, without a thread**", *(_whole(tracked, voice) for tracked in untold)]
    if result.held_back:
        lines += ["", "**Held back**", *(_line(held) for held in result.held_back)]
    return lines


def _whole(tracked: TrackedFinding, voice: Voice) -> str:
    finding = tracked.finding
    heading = f"**{finding.severity.title()} · {tracked.number} · {clean_line(finding.title)}** {code(tracked.where)}"
    return f"\n{heading}\n\n{clean(finding.body, hosts=voice.link_hosts, limit=2_000)}"


def _line(held: HeldBack) -> str:
    tracked = held.finding
    found = f"{tracked.number} {tracked.finding.severity.title()} · {clean_line(tracked.finding.title)}"
    return f"- {found} {code(tracked.where)} ({clean_line(held.reason)})"
