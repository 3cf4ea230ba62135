"""Every linter by name, in the order in which the check names them."""

from reviewers.linters.ast_grep import AST_GREP
from reviewers.linters.base import Linter
from reviewers.linters.hadolint import HADOLINT
from reviewers.linters.oxlint import OXLINT
from reviewers.linters.ruff import RUFF
from reviewers.linters.shellcheck import SHELLCHECK
from reviewers.linters.ty import TY
from reviewers.linters.zizmor import ZIZMOR

LINTERS: dict[str, Linter] = {
    linter.name: linter for linter in (RUFF, TY, AST_GREP, OXLINT, SHELLCHECK, HADOLINT, ZIZMOR)
}
