"""Small pieces of our sentences, numbers with their nouns and lists, and the way we speak on one forge."""

from collections.abc import Mapping, Sequence

from app.domain.findings import Severity
from app.domain.model import Frozen
from app.domain.names import COMMAND_PREFIX


class Voice(Frozen):
    """How Corrigent speaks on one connection."""

    # The form of address that works there, for our own sentences: "/corrigent", or "@" and the App's own slug.
    mention: str = COMMAND_PREFIX
    # Hosts that a text of a model or a person may link to: the forge's own.
    link_hosts: tuple[str, ...] = ()
    # The dashboard's public address without a slash at the end; empty means that no link is posted.
    public_url: str = ""


def count(number: int, noun: str) -> str:
    """`1 file`, `12 files`, `20,000 lines`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def joined_counts(counts: Mapping[Severity, int]) -> str:
    """`1 high, 2 medium`, highest first, zeros left out."""
    ordered = sorted(counts, key=lambda severity: severity.rank, reverse=True)
    return ", ".join(f"{counts[severity]} {severity}" for severity in ordered if counts[severity])


def severity_counts(severities: Sequence[Severity]) -> str:
    """The same from a list of severities."""
    return joined_counts({severity: severities.count(severity) for severity in Severity})


def and_list(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def one_line(text: str, limit: int) -> str:
    """White space collapsed, cut between words with an ellipsis."""
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut).rstrip(" ,;:·") + "…"


def sentence(text: str) -> str:
    """The text with a full stop, unless it ends like a sentence already."""
    text = text.strip()
    return text if text.endswith((".", "?", "!", "…", ":")) or not text else f"{text}."


def short(sha: str) -> str:
    """A commit as people see it."""
    return sha[:7]
