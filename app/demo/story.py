"""What the demo shows, step by step, and whether each promise was kept; everything is read off the forge."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic

from app.demo import shop
from app.demo.mending import Planted, newest_agent, secrets_seen
from app.demo.merge_request import show_merge_request
from app.demo.product import Product
from app.demo.screen import Screen
from app.domain.markers import read_finding_marker
from app.domain.phrases import count
from app.forges.fake.entities import CheckRun, Thread
from app.forges.fake.faults import Latency
from app.forges.fake.gitlab.repo_scenario import FakeProject
from app.forges.fake.gitlab.scenario import FakeGitLab
from app.forges.fake.pull_scenario import FakePullRequest
from app.forges.fake.repo_scenario import FakeRepo
from app.forges.fake.scenario import FakeForge

PATIENCE = 60.0
# What the review of a sample with findings asks: five passes and a check.
_CALLS = 6


@dataclass
class Story:
    """Runs once, in order; `promises` gathers a sentence and whether it came true."""

    forge: FakeForge
    repo: FakeRepo
    gitlab: FakeGitLab
    project: FakeProject
    product: Product
    screen: Screen
    calls_log: Path
    # None where this machine has no sandbox: then `no_sandbox` says why.
    lies: Planted | None
    no_sandbox: str = ""
    promises: dict[str, tuple[bool, str]] = field(default_factory=dict[str, tuple[bool, str]])

    async def tell(self) -> bool:
        """Whether every promise that was shown was kept."""
        refunds = await self._open(shop.SAMPLES[0])
        await self._open(shop.SAMPLES[1])
        rates = await self._open(shop.SAMPLES[2])
        self._never_green(rates)
        await show_merge_request(self.gitlab, self.project, self.screen, patience=PATIENCE)
        await self._killed_half_way(shop.SAMPLES[3])
        await self._rebased(refunds)
        await self._dismissed(refunds)
        if self.lies is not None:
            await self._mended(refunds, self.lies, await self._open(shop.SAMPLES[4]))
        return self._summary()

    async def _open(self, sample: shop.Sample) -> FakePullRequest:
        pull_request = await self._opened(sample)
        await self._until(lambda: _completed(pull_request))
        check = _completed(pull_request)[-1]
        for thread in pull_request.threads:
            self.screen.thread(thread.comments[0].body, f"{thread.anchor.path}:{thread.anchor.line}")
        notes = len(pull_request.reviews)
        posted = f"{count(len(pull_request.threads), 'comment')}, {notes} notification" if notes else "nothing posted"
        self.screen.detail(f'{posted} · check: {check.conclusion} "{check.title}"')
        return pull_request

    async def _opened(self, sample: shop.Sample) -> FakePullRequest:
        pull_request = await self.repo.open_pull_request(
            author=sample.author, title=sample.title, branch=sample.branch, changes=sample.changes, body=sample.body
        )
        self.screen.event(f"shop {pull_request.number}", f"{sample.title:<28}opened by {sample.author}")
        return pull_request

    def _never_green(self, pull_request: FakePullRequest) -> None:
        check = _completed(pull_request)[-1]
        kept = check.conclusion not in {"success", "skipped"} and (check.title or "").startswith("Incomplete")
        why = f"shop {pull_request.number} was not reviewed whole (broken JSON from the model, twice) and is not green"
        self.promises["never a false green"] = (kept, why)

    async def _killed_half_way(self, sample: shop.Sample) -> None:
        """`kill -9` at the worst moment: the review is written and nobody has been shown it."""
        self.forge.fault(Latency(timedelta(seconds=1)), method="POST", path="*/reviews/*/events")
        before = self._model_calls()
        pull_request = await self._opened(sample)
        await self._until(lambda: pull_request.pending_reviews)
        self.product.kill()
        await self.product.gone()
        killed = monotonic()
        await self.product.start()
        back = monotonic() - killed
        await self._until(lambda: _completed(pull_request))
        reviews, threads = len(pull_request.reviews), len(pull_request.threads)
        doubled = reviews - 1 + threads - len({_finding_id(thread) for thread in pull_request.threads})
        repeated = self._model_calls() - before - _CALLS
        self.screen.detail(
            f"kill -9 in the middle of posting … back after {back:.1f} s · {reviews} review, {doubled} doubled, "
            f"{repeated} model calls repeated"
        )
        # Links that nobody used end with the process that made them.
        self.screen.detail(f"the dashboard has a new link: {self.product.link()}")
        kept = reviews == 1 and doubled == 0 and not pull_request.pending_reviews and len(_completed(pull_request)) == 1
        self.promises["exactly once"] = (kept, "killed half-way: one review, one check, nothing doubled, nothing lost")

    async def _rebased(self, pull_request: FakePullRequest) -> None:
        calls, said = self._model_calls(), _notifications(pull_request)
        await self.repo.commit({"NEWS.md": "A new shop.\n"}, author="sam", message="News")
        await pull_request.rebase()
        self.screen.event(f"shop {pull_request.number}", "rebased by its author")
        head = pull_request.head_sha
        await self._until(lambda: [check for check in pull_request.checks_of(head) if check.conclusion])
        more_calls, more_said = self._model_calls() - calls, _notifications(pull_request) - said
        self.screen.detail(f"same patch · result carried over · {more_calls} model calls, {more_said} new comments")
        self.promises["it converges"] = (
            more_calls == 0 and more_said == 0,
            "a rebase cost no model call and no comment",
        )

    async def _dismissed(self, pull_request: FakePullRequest) -> None:
        words = "/corrigent dismiss 3 later, when the client is replaced"
        pull_request.comment(words, by="maria")
        self.screen.event(f"shop {pull_request.number}", f"maria: `{words}`")
        await self._until(lambda: [thread for thread in pull_request.threads if thread.resolved])
        await self._until(lambda: "medium" not in (_completed(pull_request)[-1].title or ""))
        check = _completed(pull_request)[-1]
        self.screen.detail(f'👍 · thread resolved, no comment · check: {check.conclusion} "{check.title}"')

    async def _mended(self, by_model: FakePullRequest, lies: Planted, by_rule: FakePullRequest) -> None:
        """One fix by the scripted model, one by a linter's own rule; each pushed only because it was proved."""
        proved = [await self._applied(by_model), await self._applied(by_rule)]
        seen = await secrets_seen(self.product.home)
        kept = all(proved) and seen == 0
        found = "nobody looked" if seen is None else f"{seen} seen"
        why = f"red first, green after; {len(lies.values)} secrets planted outside the sandbox, {found} inside"
        self.promises["no fix without proof"] = (kept, why)

    async def _applied(self, pull_request: FakePullRequest) -> bool:
        """Whether finding 1 went from the command to the branch, with a proof that says what was red and is green."""
        head, said = pull_request.head_sha, len(pull_request.comments) + 1
        pull_request.comment("/corrigent apply 1", by="maria")
        self.screen.event(f"shop {pull_request.number}", "maria: `/corrigent apply 1`")
        await self._until(lambda: len(pull_request.comments) > said)
        answer = pull_request.comments[-1].body
        for what, before, after in _compared(answer):
            self.screen.detail(f"{what:<68}{_short(before)} → {_short(after)}")
        agent_id = await newest_agent(self.product.home, pull_request.number)
        self.screen.detail(f"conversation, change, proof, logs: {self.product.page(f'agents/{agent_id}')}")
        if pull_request.head_sha == head:
            self.screen.detail(f"not pushed: {answer.partition(chr(10))[0]}")
            return False
        await self._until(lambda: [one for one in pull_request.checks_of(pull_request.head_sha) if one.conclusion])
        check = _completed(pull_request)[-1]
        left = sum(not thread.resolved for thread in pull_request.threads)
        self.screen.detail(
            f"proved, pushed {pull_request.head_sha[:7]} · {count(left, 'thread')} open · "
            f'check: {check.conclusion} "{check.title}"'
        )
        return "proved" in answer

    def _summary(self) -> bool:
        self.screen.line()
        self.screen.line("The promises, as just seen")
        for promise, (kept, why) in self.promises.items():
            self.screen.line(f"  {promise:<22}{why if kept else f'NOT KEPT: {why}'}")
        if self.lies is None:
            self.screen.line(f"  {'no fix without proof':<22}not shown: fixes. {self.no_sandbox}")
        return all(kept for kept, _ in self.promises.values())

    def _model_calls(self) -> int:
        return len(self.calls_log.read_text().splitlines()) if self.calls_log.exists() else 0

    async def _until(self, happened: Callable[[], object]) -> None:
        """AssertionError with the forge's story when it does not happen."""
        await self.forge.wait_until(happened, timeout=PATIENCE)


def _completed(pull_request: FakePullRequest) -> list[CheckRun]:
    return [check for check in pull_request.checks if check.conclusion]


def _compared(answer: str) -> list[tuple[str, str, str]]:
    """The rows of a proof: what was tried, on the head, with the fix."""
    rows = [line.strip("| ").split(" | ") for line in answer.splitlines() if line.startswith("| ")]
    return [(row[0].replace("`", ""), row[1], row[2]) for row in rows if len(row) == 3 and row[0]]


def _short(text: str) -> str:
    """As one line of the screen has room for."""
    return text if len(text) <= 40 else f"{text[:39]}…"


def _finding_id(thread: Thread) -> str:
    marker = read_finding_marker(thread.comments[0].body)
    return marker[0] if marker else ""


def _notifications(pull_request: FakePullRequest) -> int:
    return len(pull_request.reviews) + len(pull_request.comments)
