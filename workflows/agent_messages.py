"""What travels through Temporal for an agent: ids, enums and blob keys, never code or prose; 2 KiB at most."""

from datetime import datetime
from typing import Literal

from app.domain.agents import AgentKind
from app.domain.fixes import Grade
from app.domain.model import Frozen
from app.domain.pull_request import PullRequestRef
from app.sandboxes.base import SandboxRef


class AgentWord(Frozen):
    """Something that is said to an agent, by a person whose words are the action's; or that nobody answered it."""

    kind: Literal["begin", "prompt", "apply", "unanswered"]
    action_key: str = ""


class AgentInput(Frozen):
    """An agent at work, from a word of somebody to its answer. `time_scale` shortens waits in tests."""

    agent_id: str
    ref: PullRequestRef
    time_scale: float = 1.0


class BeginAgent(Frozen):
    """Take up an agent: read what it is about, now. `round` counts its tries, a moved head or a new word each."""

    agent_id: str
    word: AgentWord
    round: int = 1
    # Another try over the same word, which the agent has heard.
    again: bool = False


class BegunAgent(Frozen):
    """What is to be done: work, put a fix that is there on the branch, or nothing any more."""

    status: Literal["work", "deliver", "over"]
    kind: AgentKind = "fix"
    # The AgentTask in the blob store.
    task_key: str = ""
    # The workspace of an earlier turn, to be restored.
    workspace_key: str = ""
    # Why no model may be asked, a clause; empty where one may.
    without_model: str = ""
    # A model is asked in any case, and may begin before there is a sandbox. Histories before this have it not.
    plans: bool = False


class RoomWanted(Frozen):
    """A sandbox with the task's code in it. The same `purpose` of the same round is the same sandbox."""

    agent_id: str
    task_key: str
    purpose: Literal["work", "prove"]
    round: int = 1
    workspace_key: str = ""


class RoomReady(Frozen):
    """The sandbox, or why there is none: a sentence for people."""

    sandbox: SandboxRef | None = None
    refusal: str = ""
    # No backend of this installation passed its probe.
    no_backend: bool = False
    # What went wrong with the set-up, a phrase; the work goes on without it.
    problem: str = ""
    # What was installed or built in the one before, beside the change, is not in this one.
    without_files: bool = False


class RoomKept(Frozen):
    """What a workspace became before its sandbox went; a blob."""

    workspace_key: str = ""


class RoomGoing(Frozen):
    """Let a sandbox go; `keep` puts its workspace into the blob store first."""

    agent_id: str
    sandbox: SandboxRef
    keep: bool = False
    # What the workspace is of.
    task_key: str = ""


class FixWanted(Frozen):
    """A linter's own fix, if it has one."""

    agent_id: str
    task_key: str
    sandbox: SandboxRef


class PatchWanted(Frozen):
    """What the agent changed, as a patch."""

    task_key: str
    sandbox: SandboxRef


class ChunkStep(Frozen):
    """Up to so many steps of the agent's loop; the conversation's head is on the agent's row.

    Without a sandbox up to the first that needs one: the agent plans while it is made.
    """

    agent_id: str
    task_key: str
    sandbox: SandboxRef | None
    # Which chunk of this round.
    number: int = 1
    round: int = 1
    # The first chunk after the sandbox was lost: the agent is told.
    lost_sandbox: bool = False
    # The first one in a sandbox that lacks what was installed or built before: so too.
    without_files: bool = False


ChunkEnd = Literal["goes_on", "finished", "asks", "budget", "stuck", "stopped", "waits"]


class ChunkDone(Frozen):
    """How a chunk ended. Blob keys: an AgentResult for `finished`, the question's text for `asks`."""

    end: ChunkEnd
    result_key: str = ""
    question_key: str = ""
    # For `budget` and `stuck`: a phrase of at most 200 characters ("80 steps are used").
    reason: str = ""
    # For `waits`: the model may not be asked before.
    wait_until: datetime | None = None


class StageFix(Frozen):
    """Put a change on the trusted mirror, on no branch, so that it can be reviewed."""

    agent_id: str
    task_key: str
    patch_key: str
    made_by: Literal["rule", "model"] = "model"
    # Which findings it is for; all of the task's where none is named.
    numbers: tuple[int, ...] = ()


class StagedFix(Frozen):
    """The code with the change, as blobs that a reviewer reads; or why policy says no, as a Fix that is none."""

    staged_key: str = ""
    pull_request_key: str = ""
    diff_key: str = ""
    snapshot_key: str = ""
    config_key: str = ""
    refused_fix_key: str = ""


class ProofWanted(Frozen):
    """A change to be proved in a fresh sandbox. Blob keys: patch text, AgentResult (empty for a linter's fix)."""

    agent_id: str
    task_key: str
    sandbox: SandboxRef
    patch_key: str
    # The StagedCode, and what the linters say of it.
    staged_key: str
    linters_key: str
    numbers: tuple[int, ...] = ()
    result_key: str = ""
    made_by: Literal["rule", "model"] = "model"
    round: int = 1


class PatchMade(Frozen):
    """A change as text in the blob store; empty when nothing was changed."""

    patch_key: str = ""
    # For a linter's fix: which findings it is for, and whether that is all that was asked for.
    numbers: tuple[int, ...] = ()
    whole: bool = False


class ProofMade(Frozen):
    """The Fix in the blob store, and what is known about it."""

    fix_key: str
    grade: Grade


class DeliverFix(Frozen):
    """Show the fix, and put it where it was asked for if that is allowed."""

    agent_id: str
    word: AgentWord
    # Empty for a fix that is on the row already.
    fix_key: str = ""
    # The AgentResult, for an agent that was asked in words.
    result_key: str = ""
    workspace_key: str = ""
    problem: str = ""
    round: int = 1
    # Whether a fix that the branch moved away from is made anew, or people are told.
    may_try_again: bool = True


class FixDelivered(Frozen):
    """What became of it. `moved`: the branch has another head now, and nothing was pushed."""

    status: Literal["shown", "pushed", "refused", "moved", "none"]
    head_sha: str = ""


class Question(Frozen):
    """Ask the people on the pull request; the text is in the blob store."""

    agent_id: str
    question_key: str
    workspace_key: str = ""
    round: int = 1


class Asked(Frozen):
    until: datetime


class AgentEnding(Frozen):
    """The end of an agent's work: its row is finished and its end is said, once."""

    agent_id: str
    state: Literal["done", "failed", "stopped"]
    # A phrase for people; empty when the answer was given already.
    reason: str = ""
    round: int = 1
    # Whether people are told, or only the row.
    told: bool = True
    no_sandbox: bool = False
    no_model: bool = False
    problem: str = ""
