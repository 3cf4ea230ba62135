"""The decisions of a pull request's turn, as a pure function: what was heard, what to do next.

A turn knows which reviews are wanted and which one runs. It never believes a payload: a nudge makes it look, and
what the look says decides. Times are seconds since the epoch, on the workflow's clock.
"""

from dataclasses import dataclass, replace

from workflows.messages import Acted, Admission, Nudge, Stop

AUTO = "auto"


@dataclass(frozen=True)
class Want:
    """A review that somebody or something asked for; due when its branch has been quiet."""

    request: str
    due: float
    since: float
    full: bool = False


@dataclass(frozen=True)
class Running:
    head_sha: str
    request: str
    stopping: bool = False


@dataclass(frozen=True)
class Turn:
    """What a turn remembers while it lasts."""

    wanted: tuple[Want, ...] = ()
    running: Running | None = None

    @property
    def idle(self) -> bool:
        return self.running is None and not self.wanted

    @property
    def next_due(self) -> float | None:
        """When the next wanted review may start; None while one runs or nothing is wanted."""
        if self.running is not None or not self.wanted:
            return None
        return min(want.due for want in self.wanted)


# What happens to a turn.
@dataclass(frozen=True)
class Heard:
    nudge: Nudge
    at: float


@dataclass(frozen=True)
class Looked:
    """The answer to a Look; `want` is the review it was for, None when it only checks the running one."""

    admission: Admission
    want: Want | None
    at: float


@dataclass(frozen=True)
class Done:
    """A command was carried out."""

    acted: Acted
    action_key: str
    at: float


@dataclass(frozen=True)
class Ended:
    """The running review is over, however it ended."""


@dataclass(frozen=True)
class Due:
    """Time has come for a wanted review."""

    at: float


Event = Heard | Looked | Done | Ended | Due


# What a turn asks for.
@dataclass(frozen=True)
class Look:
    request: str
    want: Want | None


@dataclass(frozen=True)
class Act:
    action_key: str


@dataclass(frozen=True)
class Start:
    admission: Admission
    request: str
    full: bool


@dataclass(frozen=True)
class StopReview:
    stop: Stop


Order = Look | Act | Start | StopReview


@dataclass(frozen=True)
class Pace:
    """How long to wait for more pushes, in seconds."""

    quiet: float
    at_most: float


def decide(turn: Turn, event: Event, pace: Pace) -> tuple[Turn, tuple[Order, ...]]:
    """The turn after an event, and what is to be done now, in order."""
    match event:
        case Heard(nudge, at):
            return _hear(turn, nudge, at, pace)
        case Looked(admission, want, _):
            return _look(turn, admission, want)
        case Done(acted, action_key, at):
            return _obey(turn, acted, action_key, at)
        case Ended():
            return replace(turn, running=None), ()
        case Due(at):
            return _begin(turn, at)


def _hear(turn: Turn, nudge: Nudge, at: float, pace: Pace) -> tuple[Turn, tuple[Order, ...]]:
    if nudge.kind == "action":
        return turn, (Act(nudge.action_key or ""),)
    wait = pace.quiet if nudge.kind == "pushed" else 0.0
    turn = _want(turn, Want(AUTO, due=at + wait, since=at), pace)
    # A running review may have lost its head: find out now, not when the branch is quiet.
    return turn, (Look(turn.running.request, None),) if turn.running else ()


def _want(turn: Turn, want: Want, pace: Pace) -> Turn:
    """Merge with what is wanted already: the newest due time counts, capped from when it was first wanted."""
    known = next((w for w in turn.wanted if w.request == want.request), None)
    if known is not None:
        due = want.due if want.due > want.since else min(known.due, want.due)
        want = replace(want, since=known.since, due=min(due, known.since + pace.at_most), full=known.full or want.full)
    others = tuple(w for w in turn.wanted if w.request != want.request)
    return replace(turn, wanted=(*others, want))


def _begin(turn: Turn, at: float) -> tuple[Turn, tuple[Order, ...]]:
    ready = [want for want in turn.wanted if want.due <= at]
    if turn.running is not None or not ready:
        return turn, ()
    want = min(ready, key=lambda w: (w.due, w.request))
    return _drop(turn, want), (Look(want.request, want),)


def _look(turn: Turn, admission: Admission, want: Want | None) -> tuple[Turn, tuple[Order, ...]]:
    if want is None:
        return _check_running(turn, admission)
    if admission.verdict == "review" or (admission.verdict == "skip" and admission.reason):
        started = replace(turn, running=Running(admission.head_sha, want.request))
        return started, (Start(admission, want.request, want.full),)
    return turn, ()


def _check_running(turn: Turn, admission: Admission) -> tuple[Turn, tuple[Order, ...]]:
    """What a fresh look at the pull request means for the review that runs."""
    running = turn.running
    if running is None or running.stopping:
        return turn, ()
    if admission.verdict == "closed":
        return _stop(replace(turn, wanted=()), Stop(reason="closed"))
    if admission.head_sha and admission.head_sha != running.head_sha:
        return _stop(turn, Stop(reason="superseded", head_sha=admission.head_sha))
    if admission.verdict == "skip":
        return _stop(replace(turn, wanted=()), Stop(reason="skipped", why=admission.reason))
    return turn, ()


def _obey(turn: Turn, acted: Acted, action_key: str, at: float) -> tuple[Turn, tuple[Order, ...]]:
    match acted.order:
        case "review" | "review_full":
            full = acted.order == "review_full"
            return replace(turn, wanted=(*turn.wanted, Want(action_key, due=at, since=at, full=full))), ()
        case "stop":
            turn = replace(turn, wanted=())
            return _stop(turn, Stop(reason="stopped", by=acted.by)) if turn.running else (turn, ())
        case "none":
            return turn, ()


def _stop(turn: Turn, stop: Stop) -> tuple[Turn, tuple[Order, ...]]:
    if turn.running is None or turn.running.stopping:
        return turn, ()
    return replace(turn, running=replace(turn.running, stopping=True)), (StopReview(stop),)


def _drop(turn: Turn, want: Want) -> Turn:
    return replace(turn, wanted=tuple(w for w in turn.wanted if w is not want))
