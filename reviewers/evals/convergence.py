"""A pull request that grows by twenty pushes: nothing is told twice, nothing dismissed comes back.

The pushes are real commits. The reviewer is one that worries about some of the lines it sees, about the same ones each
time, in other words, and not every time: the hardest kind to keep quiet.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from app.checkouts import diffing, objects
from app.checkouts.git import Git
from app.domain.anchors import squeeze
from app.domain.coverage import Coverage, Reading
from app.domain.diff import Diff, FileChange
from app.domain.findings import Category, Finding, Place, Severity, TrackedFinding
from app.domain.line_map import Moves
from app.domain.repo_config import RepoConfig
from app.domain.review import ReviewerReport
from app.domain.similarity import terms
from reviewers.evals.harness import Noise, in_other_words
from reviewers.evals.history import PastChange
from reviewers.pipeline import Conclusion, History, conclude, paths_to_read
from reviewers.registry import BUG_HUNTER
from reviewers.stages.base import Decided
from reviewers.stages.hold_back import hunk_at

# One of so many lines worries the reviewer; shorter ones say too little to worry about.
_ONE_OF, _SHORTEST = 25, 16
# How often it says so, and how often a person dismisses what it said.
_SAYS, _DISMISSED = 0.6, 0.3
_NOISE = Noise(lines_off=0)
_CONFIG = RepoConfig(comment_limit=50)
# A name that no repository has.
_ANOTHER_FILE = b".somebody-elses-work-3f1c"


class Convergence(NamedTuple):
    """What happened over all pushes."""

    pushes: int
    posted: int
    # Threads on hunks that the last review had read as they are.
    on_untouched: int
    # Threads about what a person had dismissed.
    returned: int
    # Threads about what has an open thread.
    repeated: int
    # Rebases without a change of the patch that would be read again.
    rebases_read: int

    def plus(self, other: "Convergence") -> "Convergence":
        return Convergence(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


NOTHING = Convergence(0, 0, 0, 0, 0, 0)


async def replay(changes: Sequence[PastChange], *, seed: int = 0) -> Convergence:
    """The changes, oldest first, as pushes to one pull request; each is reviewed, and people answer in between."""
    if not changes:
        return NOTHING
    pull_request = _PullRequest(changes[0].git, changes[0].base_sha, random.Random(seed))  # noqa: S311 - a simulation
    for change in changes:
        await pull_request.push(change.head_sha)
    return pull_request.seen


async def carried_over(git: Git, base_sha: str, head_sha: str) -> bool:
    """Whether the same patch on a base that has moved on is known again: then nothing is read and no model asked."""
    moved = [await _with_a_file_more(git, commit) for commit in (base_sha, head_sha)]
    before, after = await diffing.patch_id(git, base_sha, head_sha), await diffing.patch_id(git, *moved)
    return before == after


async def _with_a_file_more(git: Git, commit: str) -> str:
    """The commit's tree after somebody else added a file that it does not hold."""
    blob = (await git.run("hash-object", "-w", "--stdin", stdin=b"Of another pull request.\n")).strip()
    tree = await git.run("ls-tree", "-z", objects.checked(commit))
    entry = b"100644 blob " + blob + b"\t" + _ANOTHER_FILE + b"\0"
    return (await git.run("mktree", "-z", stdin=tree + entry)).decode("ascii").strip()


class _PullRequest:
    def __init__(self, git: Git, base_sha: str, chance: random.Random) -> None:
        self.seen = NOTHING
        self._git = git
        self._base_sha = base_sha
        self._chance = chance
        self._head_sha = ""
        self._last: Coverage | None = None
        self._heads_with_findings = 0
        self._known: dict[str, TrackedFinding] = {}

    async def push(self, head_sha: str) -> None:
        diff = await self._diff(self._base_sha, head_sha)
        history = History(
            known=tuple(self._known.values()),
            moves=Moves(heads=await self._diff(self._head_sha, head_sha)) if self._head_sha else Moves(),
            last=self._last,
            heads_with_findings=self._heads_with_findings,
        )
        texts = await objects.read_texts(self._git, head_sha, paths_to_read(diff, history))
        conclusion = conclude(
            diff=diff,
            reports=[_report(diff, self._chance)],
            reviewers=(BUG_HUNTER,),
            config=_CONFIG,
            texts=texts,
            history=history,
        )
        self._count(conclusion, diff)
        self._keep(conclusion, head_sha)
        if not await carried_over(self._git, self._base_sha, head_sha):
            self.seen = self.seen._replace(rebases_read=self.seen.rebases_read + 1)

    async def _diff(self, base_sha: str, head_sha: str) -> Diff:
        return await diffing.diff(self._git, base_sha, head_sha, limits=_CONFIG.limits)

    def _count(self, conclusion: Conclusion, diff: Diff) -> None:
        posted = [one for one in conclusion.decided if one.decision == "post"]
        told = {(squeeze(one.finding.quote), one.finding.place.path): one.state for one in self._known.values()}
        states = [told.get((squeeze(one.finding.quote), one.finding.place.path)) for one in posted]
        now = Convergence(
            pushes=1,
            posted=len(posted),
            on_untouched=sum(self._was_read(one, diff) for one in posted),
            returned=states.count("dismissed"),
            repeated=sum(_has_thread(one, self._known) for one in posted),
            rebases_read=0,
        )
        self.seen = self.seen.plus(now)

    def _was_read(self, one: Decided, diff: Diff) -> bool:
        hunk = hunk_at(one.finding.place, diff)
        before = self._last.hunks.get(one.finding.place.path, ()) if self._last else ()
        return hunk is not None and hunk.fingerprint in before

    def _keep(self, conclusion: Conclusion, head_sha: str) -> None:
        """As the store and the people would: identities, threads, what is mended, what is dismissed."""
        for one in conclusion.decided:
            tracked = _tracked(one, self._known, head_sha)
            if one.decision == "post" and self._chance.random() < _DISMISSED:
                tracked = tracked.model_copy(update={"state": "dismissed"})
            self._known[tracked.finding_id] = tracked
        for finding_id in conclusion.mended_ids:
            self._known[finding_id] = self._known[finding_id].model_copy(update={"state": "mended"})
        self._heads_with_findings += bool(conclusion.decided)
        self._last, self._head_sha = conclusion.coverage, head_sha


def _tracked(one: Decided, known: dict[str, TrackedFinding], head_sha: str) -> TrackedFinding:
    before = known.get(one.known_id or "")
    posted = one.decision == "post"
    if before is not None:
        comment_id = before.comment_id or (f"thread-{before.number}" if posted else None)
        return before.model_copy(update={"finding": one.finding, "comment_id": comment_id})
    number = len(known) + 1
    return TrackedFinding(
        finding_id=f"finding-{number}",
        number=number,
        finding=one.finding,
        first_seen_sha=head_sha,
        keys=one.keys,
        comment_id=f"thread-{number}" if posted else None,
        first_seen_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


def _has_thread(one: Decided, known: dict[str, TrackedFinding]) -> bool:
    """Whether this very code has an open thread already."""
    here = (squeeze(one.finding.quote), one.finding.place.path)
    return any(
        each.comment_id is not None
        and each.state == "open"
        and here == (squeeze(each.finding.quote), each.finding.place.path)
        for each in known.values()
    )


def _report(diff: Diff, chance: random.Random) -> ReviewerReport:
    return ReviewerReport(
        reviewer=BUG_HUNTER,
        is_model=True,
        findings=tuple(finding for file in diff.reviewable for finding in _worries(file, chance)),
        readings=tuple(Reading(reviewer=BUG_HUNTER, path=file.path, state="reviewed") for file in diff.reviewable),
    )


def _worries(file: FileChange, chance: random.Random) -> Iterator[Finding]:
    """About lines that stand in the file's change only once, so that each worry has one place."""
    added = [line for hunk in file.hunks for line in hunk.added]
    texts = [squeeze(line.text) for hunk in file.hunks for line in hunk.lines]
    for line in added:
        code = squeeze(line.text)
        if line.new is None or len(code) < _SHORTEST or texts.count(code) > 1 or not _worrying(file.path, code):
            continue
        if chance.random() < _SAYS:
            place = Place(path=file.path, start_line=line.new, line=line.new)
            yield _said(line.text, place, chance)


def _worrying(path: str, code: str) -> bool:
    return int(hashlib.sha256(f"{path}\0{code}".encode("utf-8", "surrogatepass")).hexdigest(), 16) % _ONE_OF == 0


def _said(code: str, place: Place, chance: random.Random) -> Finding:
    words = " ".join(terms(code)) or "this line"
    text = f"Nothing checks {words} here. When {words} is empty the caller fails. It is used before {words} is known."
    worded = in_other_words(text, place, _NOISE, chance)
    return worded.model_copy(
        update={"quote": code, "category": Category.CORRECTNESS, "severity": Severity.HIGH, "rule": "correctness"}
    )
