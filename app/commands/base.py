"""What a command is: its word, who may use it, its help, and a pure plan that an activity carries out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from app.commands.parser import ParsedCommand
from app.domain.findings import TrackedFinding
from app.domain.model import Frozen
from app.domain.phrases import Voice
from app.domain.pull_request import Permission, Person
from app.domain.repo_config import RepoConfig
from app.domain.status_text import HelpLine

DismissalKind = Literal["wrong", "accepted-risk", "wont-fix", "later", "other"]


class Facts(Frozen):
    """What was true when the command was carried out; the permission is read live."""

    actor: Person
    permission: Permission
    repo_name: str
    # None when the account is gone.
    author: Person | None
    state: Literal["open", "closed", "merged"] = "open"
    open_findings: tuple[TrackedFinding, ...] = ()
    # Numbers of the rules that were learned here.
    learned: tuple[int, ...] = ()
    # The finding in whose thread the command stands.
    thread_number: int | None = None
    config: RepoConfig
    # Whether a review or an agent is running or waiting.
    running: bool = False
    # The operator has locked `autofix: off`: nobody here may have anything mended.
    fixes_locked: bool = False
    voice: Voice


class StartReview(Frozen):
    kind: Literal["start_review"] = "start_review"
    full: bool = False


class Dismiss(Frozen):
    """Close these findings for good."""

    kind: Literal["dismiss"] = "dismiss"
    numbers: tuple[int, ...]
    # As typed; empty when no reason was given.
    why: str
    counted_as: DismissalKind


class StartFix(Frozen):
    """Mend these findings; `apply` puts a proved fix on the pull request's branch, else it is shown."""

    kind: Literal["start_fix"] = "start_fix"
    numbers: tuple[int, ...]
    apply: bool = False
    # Words for whoever mends it, as typed.
    hint: str = ""


class StartAgent(Frozen):
    """Do what these words ask for; in an agent's thread they are for that agent."""

    kind: Literal["start_agent"] = "start_agent"
    prompt: str


class Remember(Frozen):
    """Propose a rule, or put it in force at once where the person may decide that."""

    kind: Literal["remember"] = "remember"
    text: str
    active: bool = False


class DecideRule(Frozen):
    """Whether a learned rule is in force."""

    kind: Literal["decide_rule"] = "decide_rule"
    number: int
    on: bool


class ShowRules(Frozen):
    kind: Literal["show_rules"] = "show_rules"


class Pause(Frozen):
    kind: Literal["pause"] = "pause"


class Resume(Frozen):
    kind: Literal["resume"] = "resume"


class Stop(Frozen):
    kind: Literal["stop"] = "stop"


class ShowStatus(Frozen):
    kind: Literal["show_status"] = "show_status"


class ShowConfig(Frozen):
    kind: Literal["show_config"] = "show_config"


class ShowHelp(Frozen):
    kind: Literal["show_help"] = "show_help"


class Say(Frozen):
    """Nothing is done, and this is the answer."""

    kind: Literal["say"] = "say"
    because: Literal[
        "unknown", "permission", "usage", "no_such_finding", "no_such_rule", "second_person", "state", "policy"
    ]
    text: str


Plan = Annotated[
    StartReview
    | Dismiss
    | StartFix
    | StartAgent
    | Remember
    | DecideRule
    | Pause
    | Resume
    | Stop
    | ShowStatus
    | ShowConfig
    | ShowHelp
    | ShowRules
    | Say,
    Field(discriminator="kind"),
]


@dataclass(frozen=True, kw_only=True)
class Command:
    """One word of the registry."""

    word: str
    needs: Permission
    # How it is typed and what it does, a line for each form.
    help: tuple[HelpLine, ...]
    # Called only when the person may and the arguments were not looked at yet.
    plan: Callable[[ParsedCommand, Facts], Plan]
