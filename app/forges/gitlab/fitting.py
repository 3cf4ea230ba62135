"""Making texts fit what GitLab takes."""

# Characters in a note or a draft: "Note is too long (1000000 characters, maximum is 1000000)".
LONGEST_BODY = 1_000_000
# Characters in a status's description, which is one line.
LONGEST_DESCRIPTION = 255

_CUT = "\n\n… cut here: GitLab takes no more.\n"


def cut_at_line(text: str, limit: int, tail: str = "") -> str:
    """At most `limit` characters, cut where a line ends; `tail` (a marker) survives the cut."""
    if len(text) <= limit:
        return text
    kept = text[: limit - len(_CUT) - len(tail)]
    return kept[: kept.rfind("\n") if "\n" in kept else len(kept)].rstrip() + _CUT + tail


def before_marker(body: str, addition: str, marker: str) -> str:
    """The body with a paragraph more; the marker stays last, where it counts."""
    return f"{body.removesuffix(marker).rstrip()}\n\n{addition}\n\n{marker}"
