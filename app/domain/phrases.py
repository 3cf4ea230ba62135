"""Small pieces of our sentences, numbers with their nouns and lists, and the way we speak on one forge."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

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
    # What this installation can do beyond reviewing; a text offers nothing else.
    can_fix: bool = False
    can_answer: bool = False

    def command(self, words: str) -> str:
        """A command as people type it. Always inline code: a bare mention could notify a stranger."""
        return f"`{self.mention} {words}`"


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


def first_words(text: str, limit: int) -> str:
    """At most `limit` words with the white space between them as it is, and an ellipsis where some are missing."""
    words = text.split()
    if len(words) <= limit:
        return text
    at = 0
    for word in words[:limit]:
        at = text.index(word, at) + len(word)
    return f"{text[:at].rstrip(' ,;:·')}…" if at else ""


def sentence(text: str) -> str:
    """The text with a full stop, unless it ends like a sentence already."""
    text = text.strip()
    return text if text.endswith((".", "?", "!", "…", ":")) or not text else f"{text}."


def is_fate(reason: str) -> bool:
    """Whether a held-back finding's reason says what became of it ("refuted (…)") and not which rule held it."""
    return reason.startswith(("refuted", "already", "repeated", "withdrawn"))


def dollars(amount: float) -> str:
    """`$0.11`, `$20`; less than a cent is said so."""
    if 0 < amount < 0.005:
        return "less than $0.01"
    return f"${amount:.0f}" if amount == int(amount) else f"${amount:.2f}"


def seconds(amount: float) -> str:
    """`0.4 s`, `38 s`, `2 min 5 s`."""
    if amount >= 100:
        minutes, rest = divmod(round(amount), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{amount:.0f} s" if amount >= 10 else f"{amount:.1f} s"


def ago(age: timedelta) -> str:
    """`just now`, `4 min ago`, `3 h ago`, `12 days ago`; a clock that went back is now as well."""
    minutes = int(age.total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days ago"


def short(sha: str) -> str:
    """A commit as people see it."""
    return sha[:7]
