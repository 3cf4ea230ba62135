"""What `.corrigent.yaml` may say: every key, its default, and how several layers become one configuration."""

from typing import Literal

from pydantic import Field

from app.domain.findings import Severity
from app.domain.model import Frozen
from app.domain.rules import Rule

ReviewWhen = Literal["every-push", "once", "on-request"]
FailOn = Literal["never", "low", "medium", "high"]
Effort = Literal["low", "normal", "high"]
AutofixMode = Literal["off", "suggest", "branch", "commit"]


class Authors(Frozen):
    skip: tuple[str, ...] = ("*[bot]",)
    # Bots that are reviewed and may give commands.
    allow: tuple[str, ...] = ()


class BudgetLimits(Frozen):
    """Dollars; when spent, the work waits and says so."""

    pull_request: float = Field(default=2.00, ge=0)
    # Of one review alone; bites where a pull request may cost more.
    review: float = Field(default=10.00, ge=0)
    day: float = Field(default=20.00, ge=0)


class SizeLimits(Frozen):
    """How large a change is read whole; what is over it is listed, never dropped silently."""

    files: int = Field(default=300, ge=1)
    changed_lines: int = Field(default=20_000, ge=1)
    file_bytes: int = Field(default=500_000, ge=1)


class RepoConfig(Frozen):
    """The configuration of one repository. Keys and defaults are those of the README's table."""

    review: ReviewWhen = "every-push"
    drafts: bool = False
    authors: Authors = Authors()
    ignore: tuple[str, ...] = ()
    comment_at: Severity = Severity.MEDIUM
    comment_limit: int = Field(default=8, ge=0, le=50)
    fail_on: FailOn = "never"
    effort: Effort = "normal"
    autofix: AutofixMode = "off"
    checks: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    budget: BudgetLimits = BudgetLimits()
    limits: SizeLimits = SizeLimits()
    language: Literal["en"] = "en"

    @property
    def is_gate(self) -> bool:
        return self.fail_on != "never"

    def blocks(self, severity: Severity) -> bool:
        return self.fail_on != "never" and severity.at_least(Severity(self.fail_on))


class ConfigProblem(Frozen):
    """Something in the file that was not taken: where, what, and what was done instead. A sentence for the check."""

    line: int
    text: str


class ConfigInForce(Frozen):
    """The result of all layers, with each value's origin and what the check says about it."""

    config: RepoConfig
    # Dotted key -> layer that set it: "built-in", "defaults", "organisation", ".corrigent.yaml", "locked".
    origins: dict[str, str]
    problems: tuple[ConfigProblem, ...] = ()
    # The commit of the default branch the file was read at; empty when there is no file.
    read_at_sha: str = ""
    # A change of the pull request to the file: "" (none), "valid" or the first problem's text.
    changed_by_pull_request: str = ""
    # Of the default branch's files, and learned ones that are in force.
    rules: tuple[Rule, ...] = ()
    fingerprint: str

    @property
    def locks_fixes(self) -> bool:
        """The operator has locked `autofix: off`: nobody here may have anything mended."""
        return self.config.autofix == "off" and self.origins.get("autofix") == "locked"
