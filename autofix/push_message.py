"""The commit message of a fix: our words, the finding's title and who asked; nothing in it acts on a forge."""

import re
from collections.abc import Sequence

from app.domain.fixes import Grade
from app.domain.invisible import strip_invisible

_LONGEST_SUBJECT = 72
_LONGEST_BODY = 1_000
# "Co-authored-by: …", "Change-Id: …": read by tools, and only ours to write.
_TRAILER = re.compile(
    r"^\s*(?:[A-Za-z]+(?:-[A-Za-z]+)+\s*:|(?:cc|see|refs?|closes|fixes|bug|issue)\s*:\s|BREAKING[ -]CHANGE\b).*$",
    re.IGNORECASE,
)
# Forges run lines that begin so, in comments as in merge request descriptions.
_QUICK_ACTION = re.compile(r"^\s*/[a-z_]+\b.*$")
_ADDRESS = re.compile(r"[a-z][a-z+.-]*://\S+|www\.\S+", re.IGNORECASE)
# "[skip ci]" keeps the pipelines from looking, "+semver: major" and "(MAJOR)" choose the next release.
_DIRECTIVE = re.compile(
    r"\[[^\]]*\b(?:skip|no[ _-]*(?:ci|cd|actions?|azurepipelines|build|deploy)|(?:force|run|deploy|release)\b|"
    r"(?:major|minor)\b)[^\]]*\]|\*{3}NO_CI\*{3}|skip-checks|\+semver:?|\((?:MAJOR|MINOR|PATCH)\)",
    re.IGNORECASE,
)
# "fixes #12" closes an issue, "#12" and "!12" notify its readers, "@maria" notifies maria, GL-12 and GH-12 are links.
_REFERENCE = re.compile(r"(?:[\w.-]+/[\w.-]+)?[#!\uff03\uff01](?=\d)|\bG[HL]-(?=\d)")
# "ABC-12 #close" and "closes ABC-12" are orders to the trackers beside the forge.
_ORDER = re.compile(
    r"#(?=[A-Za-z])|\b(?:clos|fix|resolv|implement|complet)(?:e|es|ed|ing)?[ :]+(?=[A-Z][A-Z0-9]+-\d)", re.IGNORECASE
)
_MENTION = re.compile(r"[@\uff20](?=[A-Za-z0-9])")
_MARKUP = re.compile(r"[<>`]")


def commit_message(
    *, title: str, numbers: Sequence[int], grade: Grade, proof: str, asked_by: str, summary: str = ""
) -> str:
    """`title` and `summary` may be a model's words; the rest is ours. `asked_by` is empty where nobody asked."""
    subject = _cut(f"Fix: {clean(title)[:1].lower()}{clean(title)[1:]}".replace("\n", " "), _LONGEST_SUBJECT)
    named = ", ".join(str(number) for number in numbers)
    lines = [f"Mends finding {named}." if len(numbers) == 1 else f"Mends findings {named}."]
    lines.append(f"{grade.capitalize()}: {clean(proof)}." if proof else f"{grade.capitalize()}.")
    if asked_by:
        lines.append(f"Asked by {clean(asked_by)}.")
    body = clean(summary)[:_LONGEST_BODY].strip()
    return "\n\n".join(part for part in (subject, body, "\n".join(lines)) if part) + "\n"


def clean(text: str) -> str:
    """A model's words without mentions, references, addresses, trailers, quick actions and orders to other tools."""
    kept = [
        line.strip()
        for line in strip_invisible(text).split("\n")
        if not _TRAILER.match(line) and not _QUICK_ACTION.match(line)
    ]
    joined = "\n".join(kept)
    for pattern in (_ADDRESS, _DIRECTIVE, _REFERENCE, _ORDER, _MENTION, _MARKUP):
        joined = pattern.sub("", joined)
    return re.sub(r"\n{3,}", "\n\n", joined).strip()


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rsplit(" ", 1)[0] + "…"
