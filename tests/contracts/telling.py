"""What people see on a pull request, told in one way for every forge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from app.domain.review import InlineComment
from app.forges.fake.entities import Thread
from app.forges.fake.gitlab.entities import Discussion
from app.forges.fake.gitlab.pull_scenario import FakeMergeRequest
from tests.contracts.worlds import AnyPull

# What an emoji says, under the names that the forges have for it.
MEANING = {"eyes": "eyes", "+1": "done", "thumbsup": "done", "confused": "confused", "white_check_mark": "clean"}


@dataclass(frozen=True)
class Told:
    """A thread on a line: who said what, and whether it is settled."""

    path: str
    line: int | None
    resolved: bool
    words: tuple[tuple[str, str], ...]

    @property
    def opening(self) -> str:
        return self.words[0][1]


def threads_of(pull: AnyPull) -> list[Told]:
    """By path and line: forges keep different orders."""
    told = [_told(thread) for thread in pull.threads]
    return sorted(told, key=lambda thread: (thread.path, thread.line or 0, thread.opening))


def comments_of(pull: AnyPull) -> list[tuple[str, str]]:
    """Comments that stand on no line, in order, without the bodies of reviews."""
    return [(_speaker(comment.user.login), comment.body) for comment in pull.comments if "run=" not in comment.body]


def bodies_of(pull: AnyPull) -> list[str]:
    """The bodies of our reviews."""
    if isinstance(pull, FakeMergeRequest):
        return [note.body for note in pull.comments if "run=" in note.body]
    return [review.body for review in pull.reviews if review.body]


def waiting_on(pull: AnyPull) -> int:
    """How much is staged, seen by us alone: reviews on one forge, notes on the other."""
    return len(pull.drafts) if isinstance(pull, FakeMergeRequest) else len(pull.pending_reviews)


def meanings(reactions: Sequence[object]) -> list[str]:
    return [MEANING[str(getattr(one, "content", ""))] for one in reactions]


def stands_on(thread: Thread | Discussion, wanted: InlineComment) -> bool:
    """Whether a thread is where the comment wanted it, first line included."""
    if isinstance(thread, Thread):
        anchor = thread.anchor
        side = "new" if anchor.side == "RIGHT" else "old"
        start = anchor.start_line if anchor.start_line is not None else anchor.line
        return (anchor.path, side, start, anchor.line) == (wanted.path, wanted.side, wanted.start_line, wanted.line)
    at = thread.position
    assert at is not None
    number = at.new_line if wanted.side == "new" else at.old_line
    return at.path == wanted.path and number == wanted.line and _starts(at.line_range, wanted)


def _starts(line_range: dict[str, object] | None, wanted: InlineComment) -> bool:
    if line_range is None:
        return wanted.start_line == wanted.line
    start = line_range["start"]
    assert isinstance(start, dict)
    old, new = str(cast("dict[str, object]", start)["line_code"]).split("_")[1:]
    return int(new if wanted.side == "new" else old) == wanted.start_line


def _told(thread: Thread | Discussion) -> Told:
    if isinstance(thread, Thread):
        # A line that is gone is told by the place it had, as the other forges tell it.
        line = thread.anchor.line or thread.anchor.original_line
        words = tuple((_speaker(one.user.login), one.body) for one in thread.comments)
        return Told(thread.anchor.path, line, thread.resolved, words)
    assert thread.position is not None
    at = thread.position
    words = tuple((_speaker(one.user.login), one.body) for one in thread.notes)
    return Told(at.path, at.new_line or at.old_line, thread.resolved, words)


def _speaker(login: str) -> str:
    return "us" if login.startswith("corrigent") else login


def tell(pull: AnyPull) -> str:
    """The whole story, in the same words whatever the forge: what was said where, by whom, and what is settled."""
    lines = [f"review: {body.splitlines()[0]}" for body in bodies_of(pull)]
    for thread in threads_of(pull):
        lines.append(f"{thread.path}:{thread.line}{' (settled)' if thread.resolved else ''}")
        lines += [f"  {who}: {text.splitlines()[0]}" for who, text in thread.words]
    lines += [f"{who}: {text.splitlines()[0]}" for who, text in comments_of(pull)]
    return "\n".join(lines)
