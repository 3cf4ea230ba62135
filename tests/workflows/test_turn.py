"""The decisions of a turn without Temporal: whatever the order of what is heard, the newest head ends reviewed."""

from dataclasses import dataclass, field
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.messages import Acted, Admission, Nudge, Stop
from workflows.turn import (
    AUTO,
    Act,
    Done,
    Due,
    Ended,
    Event,
    Heard,
    Look,
    Looked,
    Order,
    Pace,
    Start,
    StopReview,
    Turn,
    decide,
)

PACE = Pace(quiet=20, at_most=120)


@dataclass
class World:
    """A forge with one pull request, a clock, and a workflow that carries out orders as the real one does."""

    head: str = "a"
    closed: bool = False
    now: float = 1000.0
    turn: Turn = field(default_factory=Turn)
    reviewed: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    looks: int = 0

    def hear(self, kind: str, action: str | None = None) -> None:
        self.take(Heard(Nudge.model_validate({"kind": kind, "delivery_id": "d", "action_key": action}), self.now))

    def take(self, event: Event) -> None:
        pending: list[Event] = [event]
        while pending:
            self.turn, orders = decide(self.turn, pending.pop(0), PACE)
            for order in orders:
                pending.extend(self.carry_out(order))

    def carry_out(self, order: Order) -> list[Event]:
        match order:
            case Look(_, want):
                self.looks += 1
                return [Looked(self.admission(), want, self.now)]
            case Act(action_key):
                acted = Acted.model_validate({"order": action_key.split(":")[0], "by": "maria"})
                return [Done(acted, action_key, self.now)]
            case Start(admission, request, _):
                self.started.append(f"{admission.head_sha} {request}")
                return []
            case StopReview(stop):
                self.stops.append(stop)
                return []

    def admission(self) -> Admission:
        return Admission(verdict="closed" if self.closed else "review", head_sha=self.head)

    def wait(self, seconds: float) -> None:
        """Let time pass; whatever becomes due is begun when it is due."""
        end = self.now + seconds
        while (due := self.turn.next_due) is not None and due <= end:
            self.now = max(self.now, due)
            self.take(Due(self.now))
        self.now = end

    def finish_review(self) -> None:
        running = self.turn.running
        assert running is not None
        if not running.stopping and running.head_sha == self.head and not self.closed:
            self.reviewed.append(running.head_sha)
        self.take(Ended())
        self.take(Due(self.now))

    def settle(self) -> None:
        """Until the turn would return."""
        for _ in range(100):
            if self.turn.idle:
                return
            if self.turn.running is not None:
                self.finish_review()
            else:
                self.wait(200)
        raise AssertionError(f"the turn never became idle: {self.turn}")


def test_an_opened_pull_request_is_reviewed_at_once() -> None:
    world = World()
    world.hear("opened")
    world.take(Due(world.now))
    assert world.started == ["a auto"]


def test_a_burst_of_pushes_becomes_one_review_of_the_last_head() -> None:
    world = World()
    for head in "bcdef":
        world.head = head
        world.hear("pushed")
        world.wait(3)
    world.settle()
    assert world.started == ["f auto"]
    assert world.looks == 1


def test_a_branch_that_is_never_quiet_is_reviewed_after_two_minutes() -> None:
    world = World()
    for number in range(14):
        world.head = f"h{number}"
        world.hear("pushed")
        world.wait(10)
    assert world.started == ["h11 auto"]


def test_a_push_during_a_review_supersedes_it_and_waits_for_quiet() -> None:
    world = World()
    world.hear("opened")
    world.take(Due(world.now))
    world.head = "b"
    world.hear("pushed")
    assert world.stops == [Stop(reason="superseded", head_sha="b")]
    world.finish_review()
    assert world.started == ["a auto"]
    world.wait(20)
    assert world.started == ["a auto", "b auto"]


def test_the_same_head_heard_twice_stops_nothing() -> None:
    world = World()
    world.hear("opened")
    world.take(Due(world.now))
    world.hear("pushed")
    world.hear("changed")
    assert world.stops == []


def test_closing_stops_what_runs_and_what_is_wanted() -> None:
    world = World()
    world.hear("opened")
    world.take(Due(world.now))
    world.closed = True
    world.hear("changed")
    assert [stop.reason for stop in world.stops] == ["closed"]
    world.finish_review()
    assert world.turn.idle
    assert world.started == ["a auto"]


def test_a_late_word_of_closing_does_not_stop_a_reopened_pull_request() -> None:
    world = World()
    world.hear("opened")
    world.take(Due(world.now))
    world.hear("changed")
    assert world.stops == []


def test_a_stop_command_ends_the_review_and_forgets_what_was_wanted() -> None:
    world = World()
    world.hear("opened")
    world.take(Due(world.now))
    world.hear("pushed")
    world.hear("action", "stop:1")
    assert world.stops == [Stop(reason="stopped", by="maria")]
    world.finish_review()
    assert world.turn.idle


def test_a_review_command_waits_for_the_running_review_and_then_runs_under_its_own_name() -> None:
    world = World()
    world.hear("opened")
    world.take(Due(world.now))
    world.hear("action", "review_full:1")
    world.finish_review()
    assert world.started == ["a auto", "a review_full:1"]


def test_a_draft_stops_a_running_review_in_the_words_of_the_check() -> None:
    world = World()
    world.hear("opened")
    world.take(Due(world.now))
    skip = Admission(verdict="skip", head_sha="a", reason="Draft")
    world.turn, orders = decide(world.turn, Looked(skip, None, world.now), PACE)
    assert orders == (StopReview(Stop(reason="skipped", why="Draft")),)


STEPS = st.lists(st.sampled_from(["push", "late", "again", "label", "finish", "wait", "close", "reopen"]), max_size=30)


@settings(max_examples=1000, deadline=None)
@given(STEPS, st.randoms(use_true_random=False))
def test_whatever_the_order_the_newest_head_of_an_open_pull_request_ends_reviewed(
    steps: list[str], random: Random
) -> None:
    world = World()
    world.hear("opened")
    late: list[str] = []
    for number, step in enumerate(steps):
        match step:
            case "push":
                world.head = f"h{number}"
                world.hear("pushed")
            case "late":
                world.head = f"h{number}"
                late.append("pushed")
            case "again" | "label":
                world.hear("pushed" if step == "again" else "changed")
            case "finish" if world.turn.running is not None:
                world.finish_review()
            case "wait":
                world.wait(random.choice([1, 19, 21, 130]))
            case "close" | "reopen":
                world.closed = step == "close"
                world.hear("changed" if world.closed else "opened")
            case _:
                continue
    random.shuffle(late)
    for kind in late:
        world.hear(kind)
    world.settle()
    assert world.closed or world.reviewed[-1:] == [world.head]
    assert world.turn == Turn()


def test_orders_name_only_the_automatic_request_for_pushes() -> None:
    turn, _ = decide(Turn(), Heard(Nudge(kind="pushed", delivery_id="d"), 0.0), PACE)
    assert [want.request for want in turn.wanted] == [AUTO]
