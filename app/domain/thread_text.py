"""The first comment of a finding's thread: what happens, why it is believed, and what a coding agent may be told."""

from app.domain.findings import Evidence, Finding, TrackedFinding
from app.domain.invisible import strip_invisible
from app.domain.markdown import clean, clean_line, fenced
from app.domain.markers import finding_marker
from app.domain.phrases import Voice, first_words, sentence

# How long may a thread be, its mark and the block for the agent included? A suggestion's code does not count.
WORD_LIMIT = 120
# How much of it may title, block and evidence take, so that the finding itself always has room?
_TITLE_WORDS = 20
_PROMPT_WORDS = 40
_EVIDENCE_WORDS = 25

_EVIDENCE = {
    "test": "Checked: {}",
    "check": "Checked: {}",
    "passes": "Found by {}",
    "analyser": "Found by {}",
    "quote": "See {}",
}


def thread_body(tracked: TrackedFinding, run_id: str, voice: Voice) -> str:
    """At most 120 words of Markdown that end in the finding's mark."""
    finding = tracked.finding
    heading = _heading(tracked)
    marker = finding_marker(tracked.finding_id, run_id)
    rule = f"Against rule {finding.breaks_rule}. " if finding.breaks_rule else ""
    evidence = _words(rule + " ".join(_evidence(item) for item in finding.evidence), _EVIDENCE_WORDS, voice)
    prompt = _words(finding.agent_prompt, _PROMPT_WORDS, voice)
    block = f"<details><summary>For your coding agent</summary>\n\n{prompt}\n\n</details>" if prompt else ""
    spent = sum(len(part.split()) for part in (heading, evidence, block, marker))
    body = _words(finding.body, WORD_LIMIT - spent, voice)
    parts = (heading, body, evidence, _suggestion(finding), block, marker)
    return "\n\n".join(part for part in parts if part)


def _heading(tracked: TrackedFinding) -> str:
    title = clean_line(first_words(tracked.finding.title, _TITLE_WORDS), limit=120)
    return f"**{tracked.finding.severity.title()} · {tracked.number} · {title}**"


def _evidence(evidence: Evidence) -> str:
    return sentence(_EVIDENCE[evidence.kind].format(" ".join(evidence.text.split())))


def _words(text: str, limit: int, voice: Voice) -> str:
    """Cleaned, then at most `limit` words of what is printed: cleaning may split a word in two."""
    kept = limit
    while len((written := clean(first_words(text, kept), hosts=voice.link_hosts)).split()) > limit:
        kept -= 1
    return written


def _suggestion(finding: Finding) -> str:
    suggestion = finding.suggestion
    # Code with characters that nobody sees is never offered for one click.
    if suggestion is None or strip_invisible(suggestion) != suggestion:
        return ""
    return fenced(suggestion, "suggestion")
