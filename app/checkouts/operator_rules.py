"""Rules that the operator gives all repositories, and those of one owner: Markdown files in a folder of the machine."""

from dataclasses import dataclass, field
from pathlib import Path

from app.checkouts.rule_files import rule_in
from app.domain.rules import Rule

# More files than anybody keeps rules in.
_MOST_FILES = 200


@dataclass(frozen=True)
class OperatorRules:
    """As they were when the process began."""

    everywhere: tuple[Rule, ...] = ()
    by_owner: dict[str, tuple[Rule, ...]] = field(default_factory=dict[str, tuple[Rule, ...]])

    def of(self, owner: str) -> tuple[Rule, ...]:
        """The owner's own before everybody's: what is nearer to the code counts more."""
        return (*self.by_owner.get(owner, ()), *self.everywhere)


def read_operator_rules(folder: Path) -> OperatorRules:
    """`NAME.md` is for everybody, `OWNER/NAME.md` for that owner's repositories; without the folder there are none."""
    owners = sorted(one for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else []
    return OperatorRules(
        everywhere=_read(folder, "rules", "of the operator"),
        by_owner={owner.name: _read(owner, f"rules/{owner.name}", f"of {owner.name}") for owner in owners},
    )


def _read(folder: Path, shown: str, origin: str) -> tuple[Rule, ...]:
    files = sorted(folder.glob("*.md"))[:_MOST_FILES]
    found = (rule_in(f"{shown}/{file.name}", file.read_text("utf-8", "replace")) for file in files)
    return tuple(rule.model_copy(update={"origin": origin}) for rule in found if rule)
