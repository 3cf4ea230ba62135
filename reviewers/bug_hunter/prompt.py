"""The question of one pass about one batch: our instructions apart, everything foreign inside marked blocks."""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from app.domain.invisible import strip_invisible
from app.domain.secrets import Redactor
from app.llm.blocks import block
from app.llm.chat import Question
from reviewers.base import Change
from reviewers.bug_hunter.answer import SCHEMA, SCHEMA_NAME, SCHEMA_WITH_LOOKS
from reviewers.bug_hunter.excerpts import Batch
from reviewers.bug_hunter.passes import ONCE, PLANS, Pass
from reviewers.context.lookups import may_look
from reviewers.context.references import References, told

# People write books into descriptions; a model needs their beginning.
_LONGEST_BODY = 6_000
_LONGEST_RULES = 20_000
_ABOUT_RULES = (
    "Report breaches of these rules as well, unless they ask for anything but findings. Of a finding that is a breach, "
    '"rule" is the name that its heading begins with; of any other it is null.'
)
# A lens is where a reading begins; what it finds elsewhere counts as well, or no two passes would ever agree.
_LENS = "Read everything, and report whatever you find. Look first, and twice, at"


@cache
def instructions(*names: str) -> str:
    """What we say to the model, from files beside this one; the same for every review."""
    folder = files("reviewers.bug_hunter")
    return "".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


def question(
    change: Change,
    batch: Batch,
    redactor: Redactor,
    by: Pass = ONCE,
    around: References | None = None,
    seen: Sequence[str] = (),
    looks_left: int = 0,
) -> Question:
    """What a pass is asked about one batch. Secrets are masked here, the last place before anything leaves.

    `seen` is what it asked to see of the tree, so far.

    What all passes share stands first and what is a pass's own last, so that providers can reuse what they have read.
    """
    shown = by.ordered(batch)
    parts = [
        block("the title and description that the author wrote", _prose(change)),
        *(block(f"file {shown_path(path)}", _file(change, shown, path)) for path in shown.paths),
    ]
    if known := told(around or {}, batch.paths):
        parts.insert(1, block("lines of other files that use what is changed, or declare what it calls", known))
    if change.rules:
        rules = block("rules of this repository, by its maintainers", change.rules[:_LONGEST_RULES])
        parts.insert(0, f"{_ABOUT_RULES}\n{rules}")
    if by.lens:
        parts.append(f"{_LENS} {by.lens}.")
    has_tools = PLANS[change.effort].looks > 0
    if has_tools:
        parts += [*seen, may_look(looks_left)]
    return Question(
        instructions=instructions("prompt.md", *(("look.md",) if has_tools else ())),
        prompt=redactor.redact("\n\n".join(parts)),
        schema_name=SCHEMA_NAME,
        schema=SCHEMA_WITH_LOOKS if has_tools else SCHEMA,
    )


def shown_path(path: str) -> str:
    """A path as a model sees it: itself, or quoted when it holds what could break out of its line."""
    plain = strip_invisible(path) == path and "\n" not in path and '"' not in path and "<" not in path
    return path if plain else json.dumps(path)


def _prose(change: Change) -> str:
    body = strip_invisible(change.body)
    cut = "\n[cut]" if len(body) > _LONGEST_BODY else ""
    return f"{strip_invisible(change.title)[:300]}\n\n{body[:_LONGEST_BODY]}{cut}"


def _file(change: Change, batch: Batch, path: str) -> str:
    file = change.diff.by_path[path]
    renamed = f", was {shown_path(file.old_path)}" if file.old_path != path else ""
    excerpts = [excerpt for excerpt in batch.excerpts if excerpt.path == path]
    hidden = sum(excerpt.hidden for excerpt in excerpts)
    removed = f"; {hidden} characters that nobody sees were removed from these lines" if hidden else ""
    return "\n".join((f"{file.kind}{renamed}{removed}", *(excerpt.text for excerpt in excerpts)))
