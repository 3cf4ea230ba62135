"""What a click on a suggestion does, and what forges refuse: each reads the block in its own words."""

import re

# A block with a language word of the forge's, up to a fence as long as its own.
_BLOCK = re.compile(
    r"^(?P<fence>`{3,})suggestion(?::-(?P<above>\d+)\+(?P<below>\d+))?[ \t]*\n(?P<text>.*?)^(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_MOST_LINES_BESIDE = 100


def accepted_on_github(body: str, file: str, start_line: int, line: int) -> str:
    """The file with the lines of the comment replaced; the word stands alone on the fence."""
    block = _only_block(body)
    if block["above"] is not None:
        raise ValueError("This is no suggestion on GitHub: its lines are those of the comment.")
    return _with(file, start_line, line, block["text"])


def accepted_on_gitlab(body: str, file: str, line: int) -> str:
    """The file with the lines that the block names replaced, counted from the line of the note."""
    block = _only_block(body)
    above, below = int(block["above"] or 0), int(block["below"] or 0)
    if max(above, below) > _MOST_LINES_BESIDE:
        raise ValueError(f"GitLab replaces at most {_MOST_LINES_BESIDE} lines above and below.")
    return _with(file, line - above, line + below, block["text"])


def _only_block(body: str) -> re.Match[str]:
    blocks = list(_BLOCK.finditer(body))
    if len(blocks) != 1:
        raise ValueError(f"There are {len(blocks)} suggestions in this comment.")
    return blocks[0]


def _with(file: str, start_line: int, line: int, text: str) -> str:
    lines = file.split("\n")
    if not 1 <= start_line <= line <= len(lines):
        raise ValueError("The suggestion is about lines that the file does not have.")
    new = text.removesuffix("\n").split("\n")
    if new == lines[start_line - 1 : line]:
        raise ValueError("The suggestion changes nothing.")
    return "\n".join((*lines[: start_line - 1], *new, *lines[line:]))
