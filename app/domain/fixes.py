"""A fix: a patch, what it mends, and the proof that it does."""

from typing import Literal

from pydantic import Field

from app.domain.model import Frozen

# Proved: a test was red and is green. Checked: no failing test could be made, checks no worse, finding gone.
Grade = Literal["proved", "checked", "none"]
# Which step said no, for `none`: what the comment names.
ProofStep = Literal["reproduction", "checks", "review_again", "critic", "policy", "patch", "sandbox", "budget", "agent"]

# Which file of the evidence is the terminal's recording, as asciicast v2.
RECORDING = "terminal.cast"


class ChangedFile(Frozen):
    path: str
    added: int
    removed: int
    status: Literal["added", "modified", "deleted", "renamed"] = "modified"


class Patch(Frozen):
    """A change as text against the head it was made on; everything in it came out of a sandbox."""

    # The patch text, `git diff --binary --full-index`, in the blob store.
    patch_key: str
    head_sha: str
    files: tuple[ChangedFile, ...]


class Comparison(Frozen):
    """One row of the proof: the same thing on the head and with the fix."""

    # A command as typed, or "finding 1, reviewed again".
    what: str
    # New when the fix brings the test with it.
    is_new: bool = False
    # "2 refunds", "212 pass", "present"; at most 60 characters each.
    before: str
    after: str
    held: bool


class EvidenceFile(Frozen):
    """A log, a recording, a report: kept in the blob store, shown by link only."""

    name: str
    blob_key: str
    mime: str
    size: int
    sha256: str


class ProvingCommand(Frozen):
    """A command of the manifest: what ran, where, how it ended."""

    # "the repository's checks", "the repository's linter", or what was to be reproduced.
    what: str = ""
    argv: tuple[str, ...]
    side: Literal["head", "fixed"]
    exit_code: int | None
    ending: str
    seconds: float
    log: str = ""


class SecondLook(Frozen):
    """What a model that did not make the change says of it; the reason is one sentence without a full stop."""

    agrees: bool
    reason: str = Field("", max_length=300)


class Proof(Frozen):
    """What is known about a patch. `reason` says why it is only checked, or what failed."""

    grade: Grade
    comparisons: tuple[Comparison, ...] = ()
    failed_step: ProofStep | None = None
    # One sentence without a full stop.
    reason: str = ""
    # None where no model was asked.
    second_look: SecondLook | None = None
    commands: tuple[ProvingCommand, ...] = ()
    evidence: tuple[EvidenceFile, ...] = ()
    # "bubblewrap", and what it did not enforce.
    sandbox: str = ""


class Fix(Frozen):
    """An agent's result for one pull request: patch and proof, and where it went."""

    agent_id: str
    # Numbers of the findings it mends.
    numbers: tuple[int, ...]
    patch: Patch | None = None
    proof: Proof
    # What the fix does, one sentence.
    summary: str = ""
    # "rule" where no model was asked.
    made_by: Literal["rule", "model"] = "model"
    pushed_sha: str = ""
    branch: str = ""


class SpelledCommit(Frozen):
    """A commit as somebody else than git can make it again; a file that is None is deleted."""

    parent_sha: str
    message: str
    files: dict[str, bytes | None]
