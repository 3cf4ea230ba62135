"""From a patch and a claim to a proof: every rule that a fix must hold, in the order in which breaking it is cheap."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from app.domain.findings import Finding, TrackedFinding
from app.domain.fixes import Comparison, Grade, Proof, ProofStep, SecondLook
from app.domain.secrets import Redactor
from app.sandboxes.base import WORK, Room
from autofix import checks, linters, patches, verify_tests
from autofix.critic import Critic, Proposal
from autofix.evidence import Evidence, Put
from autofix.patches import ParsedPatch
from autofix.patches_content import DoesNotApply
from autofix.push_policy import PushPolicy, Verdict, judge
from autofix.verify import NotProved, Reproduction, Verification
from autofix.verify_doubts import doubt
from autofix.verify_files import Parts, parted
from autofix.verify_linters import Linting
from autofix.verify_sides import Sides, SidesFailed, Versions
from autofix.verify_special_cases import special_case


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What is to be proved: that the patch mends the findings. All of it comes from whoever made the patch."""

    patch: bytes
    findings: Sequence[TrackedFinding]
    # As typed: what fails on head and passes with the fix.
    commands: Sequence[str] = ()
    # Asked instead of commands, where a rule found it.
    linter: Callable[[Room, str], Awaitable[checks.CheckRun]] | None = None
    linter_shown: str = ""


@dataclass(frozen=True)
class Reviewed:
    """What a second review of the fixed code said; `new` are findings at or above the bar that were not there."""

    gone: bool
    new: Sequence[Finding] = ()


# Given the patch and both versions of each file that it touches; the reviewers that found the findings look again.
ReviewAgain = Callable[[ParsedPatch, Mapping[str, Versions]], Awaitable[Reviewed]]


@dataclass(frozen=True, kw_only=True)
class ProvingParts:
    """What a proof needs. The room shows the head, set up, and nobody else works in it meanwhile."""

    room: Room
    review_again: ReviewAgain
    put: Put
    # Names this proof's runs: the same name finds what a try before a crash has run already.
    name: str
    # RepoConfig.checks; empty means that they are detected.
    checks: Sequence[str] = ()
    critic: Critic | None = None
    policy: PushPolicy | None = None
    # What the maker of the patch photographed, kept beside what ran.
    pictures: Sequence[bytes] = ()
    redactor: Redactor = field(default_factory=Redactor)
    # "bubblewrap", and what it did not enforce.
    sandbox: str = ""
    folder: str = WORK
    scratch: str = "/tmp/proof"  # noqa: S108 - inside the sandbox
    within: timedelta = timedelta(minutes=10)


@dataclass
class _Seen:
    """What a proof found out, also when it came to nothing."""

    evidence: Evidence
    comparisons: list[Comparison] = field(default_factory=list[Comparison])
    second_look: SecondLook | None = None


async def prove(claim: Claim, parts: ProvingParts) -> Proof:
    """Never raises for a bad patch: a proof of grade none names the step that failed and why.

    What raises is ours or the machine's: SandboxGone and whatever review_again, critic and put raise.
    """
    seen = _Seen(Evidence(parts.redactor))
    grade: Grade = "none"
    step: ProofStep | None = None
    try:
        reason = await _prove(claim, parts, seen)
        grade = "checked" if reason else "proved"
    except NotProved as error:
        step, reason = error.step, error.reason
    except SidesFailed as error:
        step, reason = "sandbox", str(error).rstrip(".")
    reason = parts.redactor.redact(reason)
    return Proof(
        grade=grade,
        comparisons=tuple(_redacted(row, parts.redactor) for row in seen.comparisons),
        failed_step=step,
        reason=reason,
        second_look=seen.second_look,
        commands=seen.evidence.commands,
        evidence=await seen.evidence.bundle(
            parts.put, verdict=f"{grade}: {reason}" if reason else grade, pictures=parts.pictures
        ),
        sandbox=parts.sandbox,
    )


async def _prove(claim: Claim, parts: ProvingParts, seen: _Seen) -> str:
    """Why it is only checked; empty when it is proved. NotProved when it is neither."""
    patch = _read(claim.patch)
    verdict = judge(patch, parts.policy, parts.redactor)
    if not verdict.allowed:
        raise NotProved("policy", verdict.reason)
    sides = Sides(parts.room, patch, folder=parts.folder, scratch=f"{parts.scratch}/{parts.name}")
    files = await _begin(sides)
    heads = {path: (version.head or b"").decode("utf-8", "replace") for path, version in files.items()}
    pieces = parted(patch, {tracked.finding.place.path for tracked in claim.findings}, heads)
    _check_tests(patch, pieces, claim)
    if found := special_case(pieces, [heads[file.old_path] for file in pieces.product]):
        raise NotProved("patch", f"the fix answers its own test's value {found}")
    sides.divide(pieces)
    too_little = await _run(claim, parts, seen, sides, pieces)
    await _review_again(claim, parts, patch, files, seen.comparisons)
    await _look_again(claim, parts, seen)
    return too_little or _only_checked(claim, pieces, verdict, [heads[file.old_path] for file in pieces.product])


async def _run(claim: Claim, parts: ProvingParts, seen: _Seen, sides: Sides, pieces: Parts) -> str:
    """Why all that ran shows too little; empty when it shows enough."""
    verification = Verification(
        room=parts.room,
        sides=sides,
        evidence=seen.evidence,
        name=parts.name,
        secret=hashlib.sha256(parts.name.encode() + claim.patch).hexdigest(),
        folder=parts.folder,
        scratch=parts.scratch,
        within=parts.within,
        comparisons=seen.comparisons,
    )
    await sides.show("head")
    commands = await checks.find(parts.room, parts.checks, folder=parts.folder)
    lint = await linters.find(parts.room, parts.checks, folder=parts.folder)
    await verification.checks_on_head(commands)
    reproductions = _reproductions(claim, verification, pieces, commands)
    if reproductions:
        await verification.reproduce(reproductions, [file.path for file in pieces.tests])
    await verification.checks_with_fix(commands, "fixed")
    if pieces.tests:
        # A new test may change what the others ask for, as any code in their process.
        await verification.checks_with_fix(commands, "old_tests")
        await sides.show("fixed")
    await Linting(verification, lint, pieces).compare()
    if not reproductions:
        return "no failing test could be made"
    return "no test of the repository passes, with the fix or without it" if verification.checks_say_nothing else ""


def _read(text: bytes) -> ParsedPatch:
    try:
        return patches.parse(text)
    except patches.UnreadablePatch as error:
        raise NotProved("patch", str(error).rstrip(".")) from None


def _check_tests(patch: ParsedPatch, pieces: Parts, claim: Claim) -> None:
    if not pieces.product:
        raise NotProved("patch", "the fix changes no code but tests")
    if said := verify_tests.objection(patch, pieces):
        raise NotProved("patch", f"the fix {said}")
    for command in claim.commands:
        if verify_tests.reads_the_code(command, patch, pieces):
            raise NotProved("reproduction", f"{command} reads the code instead of running it")


async def _begin(sides: Sides) -> Mapping[str, Versions]:
    try:
        return await sides.begin()
    except DoesNotApply as error:
        raise NotProved("patch", str(error).rstrip(".")) from None


def _reproductions(
    claim: Claim, verification: Verification, pieces: Parts, commands: Sequence[str]
) -> Sequence[Reproduction]:
    """The linter, the commands as claimed, or the repository's own checks where the patch brings tests for them."""
    is_new = bool(pieces.tests)
    linter = claim.linter
    if linter is not None:
        return [Reproduction(claim.linter_shown, lambda _name: linter(verification.room, verification.folder))]
    typed = claim.commands or (commands if is_new else ())
    return [Reproduction(c, lambda name, c=c: verification.command(c, name), is_new) for c in typed]


async def _review_again(
    claim: Claim,
    parts: ProvingParts,
    patch: ParsedPatch,
    files: Mapping[str, Versions],
    comparisons: list[Comparison],
) -> None:
    reviewed = await parts.review_again(patch, files)
    numbers = ", ".join(str(tracked.number) for tracked in claim.findings)
    what = f"finding {numbers}, reviewed again" if len(claim.findings) == 1 else f"findings {numbers}, reviewed again"
    after = "present" if not reviewed.gone else "gone" if not reviewed.new else f"gone, {len(reviewed.new)} new"
    held = reviewed.gone and not reviewed.new
    comparisons.append(Comparison(what=what, before="present", after=after, held=held))
    if not reviewed.gone:
        raise NotProved("review_again", f"finding {numbers} is still there when reviewed again")
    if reviewed.new:
        raise NotProved("review_again", f"the fix brings a new finding: {reviewed.new[0].title}")


async def _look_again(claim: Claim, parts: ProvingParts, seen: _Seen) -> None:
    if parts.critic is None:
        return
    text = claim.patch.decode("utf-8", "replace")
    look = await parts.critic(Proposal(findings=claim.findings, patch=text))
    seen.second_look = look.model_copy(update={"reason": parts.redactor.redact(look.reason)})
    if not look.agrees:
        raise NotProved("critic", look.reason or "a second look at the change did not agree")


def _only_checked(claim: Claim, pieces: Parts, verdict: Verdict, heads: Sequence[str]) -> str:
    if verdict.for_a_person:
        return verdict.reason
    places = {tracked.finding.place.path for tracked in claim.findings}
    touched = {name for file in pieces.product for name in (file.path, file.old_path)}
    if claim.linter is None and not places & touched:
        return "the fix is in other files than the finding"
    said = doubt(pieces, heads, claim.commands) if claim.linter is None else ""
    return f"the fix {said}" if said else ""


def _redacted(row: Comparison, redactor: Redactor) -> Comparison:
    cleaned = {name: redactor.redact(getattr(row, name)) for name in ("what", "before", "after")}
    return row.model_copy(update=cleaned)
