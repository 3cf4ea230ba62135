"""What may be pushed: every forbidden thing has a name, however it is spelled."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import Refused
from app.domain.protected_paths import PROTECTED, protected
from app.domain.secrets import Redactor
from autofix import patches, patches_content
from autofix.push_message import clean, commit_message
from autofix.push_policy import PushPolicy, Verdict, judge


def verdict(path: str, after: str, before: str | None = "x = 1\n", policy: PushPolicy | None = None) -> Verdict:
    content = None if before is None else before.encode()
    return judge(patches.parse(patches_content.make(path, content, after.encode())), policy)


def test_a_small_change_of_code_is_allowed() -> None:
    assert verdict("shop/cart.py", "x = 2\n").automatic
    assert verdict("tests/test_cart.py", "def test_total():\n    assert total([1]) == 1\n", None).automatic


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml", "sub/.github/x", ".GITHUB/workflows/x.yml", ".gıthub/workflows/x.yml",
        ".ｇithub/x", ".githuв/x", ".gitlab-ci.yml", ".gitattributes", "a/.gitmodules", ".gitignore", "CODEOWNERS",
        "docs/codeowners", "Jenkinsfile", "jenkinsfile.release", ".circleci/config.yml", "azure-pipelines-pr.yml",
        ".claude/settings.json", ".Claude/settings.json", "AGENTS.md", "agents.md", "CLAUDE.md", "pkg/Claude.local.md",
        ".cursor/rules/x.mdc", "action.yml", ".mcp.json", ".corrigent.yaml", ".corrigent/rules.md", ".husky/pre-commit", ".npmrc",
        "web/.npmrc", "poetry.lock", "package-lock.json", "go.sum", "ci/build.sh", "GIT~1/config", ".github./x",
        "sitecustomize.py", "evil.pth", ".pre-commit-config.yaml", ".vscode/tasks.json", "СODEOWNERS", "ＡGENTS.md",
    ],
)  # fmt: skip
def test_protected_paths_are_refused_in_every_spelling(path: str) -> None:
    found = verdict(path, "x = 2\n")
    assert [objection.rule for objection in found.refusals] == ["protected path"]
    with pytest.raises(Refused, match="is protected"):
        found.raise_if_refused()


@pytest.mark.parametrize(
    "path",
    [
        "src/github.py",
        "app/ci/runner.py",
        "docs/agents.txt",
        "lib/clock.py",
        "文件/说明.py",
        "страница.md",
        "owners.py",
        "locks.go",
    ],
)
def test_ordinary_paths_are_not(path: str) -> None:
    assert protected(path) is None
    assert verdict(path, "x = 2\n").automatic


LITERAL_NAMES = [name for names in PROTECTED.values() for name in names.split() if "*" not in name]


@given(st.sampled_from(LITERAL_NAMES), st.data())
@settings(max_examples=200, deadline=None)
def test_no_case_accent_or_compatibility_twin_slips_through(name: str, data: st.DataObject) -> None:
    plain = name.removeprefix("/")
    position = data.draw(st.integers(0, len(plain) - 1))
    letter = plain[position]
    twins = [letter.upper(), letter + "\u0301", letter]
    if letter.isalpha():
        twins += [chr(ord(letter.lower()) - ord("a") + ord("ａ")), "ı", "\u0430"]
    twin = plain[:position] + data.draw(st.sampled_from(twins)) + plain[position + 1 :]
    folder = "" if name.startswith("/") else data.draw(st.sampled_from(["", "a/b/"]))
    assert protected(folder + twin) is not None
    assert protected(folder + unicodedata.normalize("NFD", twin)) is not None


@pytest.mark.parametrize(
    ("patch", "rule"),
    [
        ("diff --git a/l b/l\nnew file mode 120000\nindex {0}..{1}\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n", "link"),
        ("diff --git a/l b/l\nnew file mode 160000\nindex {0}..{1}\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+Subproject commit {1}\n", "link"),
        ("diff --git a/l b/l\nold mode 100644\nnew mode 100755\n", "file mode"),
        ("diff --git a/l b/l\nold mode 100644\nnew mode 120000\n", "link"),
        ("diff --git a/l b/l\nnew file mode 100755\nindex {0}..{1}\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+x\n", "file mode"),
        ("diff --git a/l b/l\nnew file mode 100644\nindex {0}..{1}\nGIT binary patch\nliteral 3\nKcmZQzWMT#Y01f~L\n\nliteral 0\nHcmV?d00001\n\n", "binary"),
        ("", "empty"),
    ],
)  # fmt: skip
def test_links_modes_and_binaries_are_refused(patch: str, rule: str) -> None:
    found = judge(patches.parse(patch.format("0" * 40, "ab" * 20).encode()))
    assert [objection.rule for objection in found.refusals] == [rule]


@pytest.mark.parametrize(
    "line",
    [
        "token = 'ghp_" + "a8Kd02LmQ9xZ7rT4vB1nC6yH3wE5sJ0uGfPq" + "'",
        "KEY = 'AKIA" + "QWER7TYUIOP3ASDF'",
        "password = 'tr0ub4dor&3-zebra-9'",
        "seed = '" + "9f86d081884c7d659a2feaa0c55ad015" + "'",
        "blob = '" + "Zx81kQp0Lm44VtRb92cYw7NsHd" + "'",
    ],
)
def test_secrets_and_random_strings_are_refused(line: str) -> None:
    found = verdict("shop/settings.py", f"x = 1\n{line}\n")
    assert {objection.rule for objection in found.refusals} == {"secret"}
    assert "line 2 of shop/settings.py" in found.reason
    assert line.split("'")[1] not in found.reason


@pytest.mark.parametrize(
    "line",
    [
        "def test_a_customer_with_two_orders_is_billed_once():",
        "from billing.refunds.retry_policy_v2 import RefundRetryPolicyForWebhooks2",
        "https_proxy_configuration_loader_2023_11 = load_configuration_from_environment()",
        "assert slug('A long title of a page') == 'a-long-title-of-a-page-2024-01'",
    ],
)
def test_long_names_are_no_secrets(line: str) -> None:
    assert verdict("shop/settings.py", f"x = 1\n{line}\n").allowed


@pytest.mark.parametrize(
    ("path", "line"), [("a.py", "x = 'our-own-word'"), ("our-own-word.py", "x = 1"), ("a.py", "x = 'b3VyLW93bi13b3Jk'")]
)
def test_what_this_process_holds_is_refused_in_any_spelling_and_not_said(path: str, line: str) -> None:
    patch = patches.parse(patches_content.make(path, None, f"{line}\n".encode()))
    assert judge(patch).automatic
    found = judge(patch, redactor=Redactor(["our-own-word"]))
    assert [objection.rule for objection in found.refusals] == ["secret"]
    assert "our-own-word" not in str(found)


def test_characters_that_nobody_sees_are_refused() -> None:
    assert verdict("a.py", "x = 1\n# \u202e hidden\n").refusals[0].rule == "binary"
    assert verdict("a.py", "x = 1\n# \x1b[2K\n").refusals[0].rule == "binary"


def test_too_much_is_refused_and_the_number_said() -> None:
    assert verdict("a.py", "x = 2\n" * 600).reason == "it changes 601 lines, at most 500 may"
    many = b"".join(patches_content.make(f"f{number}.py", None, b"x\n") for number in range(21))
    assert judge(patches.parse(many)).reason == "it changes 21 files, at most 20 may"
    assert {o.rule for o in verdict("a.py", "y" * 300_000 + "\n").refusals} == {"size"}


def test_two_names_for_one_file_are_refused() -> None:
    both = patches_content.make("src/Cart.py", None, b"x\n") + patches_content.make("src/cart.py", None, b"y\n")
    assert judge(patches.parse(both)).refusals[0].rule == "look-alike name"


def test_lock_files_go_where_they_are_allowed() -> None:
    assert not verdict("uv.lock", "x\n").allowed
    assert verdict("uv.lock", "x\n", policy=PushPolicy(lock_files=True)).allowed


@pytest.mark.parametrize("path", ["package.json", "web/package.json", "requirements-dev.txt", "go.mod", "Cargo.toml"])
def test_a_change_of_dependencies_waits_for_a_person(path: str) -> None:
    found = verdict(path, "left-pad\n")
    assert found.allowed
    assert not found.automatic
    assert found.reason == f"{path} names dependencies"


@pytest.mark.parametrize(
    "path",
    [
        "ruff.toml",
        "web/.eslintrc.json",
        "eslint.config.mjs",
        "tsconfig.json",
        "build.rs",
        ".FLAKE8",
        "mypy.ini",
        "Makefile",
        "web/vite.config.ts",
        "conftest.py",
        "build/rules.mk",
        "pytest.ini",
    ],
)
def test_a_change_of_what_tools_do_waits_for_a_person(path: str) -> None:
    found = verdict(path, "ignore = ['F401']\n")
    assert found.allowed
    assert not found.automatic
    assert found.reason == f"{path} sets what tools do"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Fixes #12 and acme/shop#3, see !4", "Fixes 12 and 3, see 4"),
        ("Thanks @maria", "Thanks maria"),
        ("Done\n\nCo-authored-by: Eve <eve@example.com>\nSigned-off-by: x", "Done"),
        ("Done [skip ci]\nskip-checks: true", "Done"),
        ("/approve\nDone https://evil.example/?q=1", "Done"),
        ("a\u200bb <img src=x>", "ab img src=x"),
        ("Done\n\nBREAKING CHANGE: everything\nBREAKING-CHANGE: all", "Done"),
        ("Done +semver: major (MAJOR) #major", "Done  major  major"),
        ("ABC-12 #close #time 2d", "ABC-12 close time 2d"),
        ("It closes ENG-123, as UTF-8 is fixed", "It ENG-123, as UTF-8 is fixed"),
        ("Done [skip  ci] [skip netlify] [force-release] [no deploy]", "Done"),
        ("Done\n\nreviewed-by:maria", "Done"),
        ("＠maria saw ＃12", "maria saw 12"),
        ("Uses list[int] and d[no] at 12:30", "Uses list[int] and d[no] at 12:30"),
    ],
)
def test_a_commit_message_acts_on_nothing(said: str, kept: str) -> None:
    assert clean(said) == kept


def test_a_commit_message_says_what_was_proved_and_who_asked() -> None:
    message = commit_message(
        title="A retried webhook pays @twice", numbers=(1,), grade="proved", proof="2 refunds before, pass after",
        asked_by="maria", summary="Closes #1",
    )  # fmt: skip
    assert message == (
        "Fix: a retried webhook pays twice\n\nCloses 1\n\nMends finding 1.\nProved: 2 refunds before, pass after.\nAsked by maria.\n"
    )


@pytest.mark.parametrize(
    "hidden",
    ["\u200b", "\u00ad", "\U000e0041", "\u3164", "\u115f", "\uffa0", "\u2800", "\u180e", "\ufeff", "\u034f", "\u202e",
     "\u2028", "\u0085", "\x0b", "\rx"],
    ids=ascii,
)  # fmt: skip
def test_what_nobody_sees_in_a_line_is_refused(hidden: str) -> None:
    """A name of nothing but a filler of Hangul is a variable; behind a line separator a comment is code."""
    found = verdict("shop/cart.js", f"x = 1\ny // {hidden}z\n")
    assert [objection.reason for objection in found.refusals] == [
        "shop/cart.js would get characters that nobody can see"
    ]


def test_what_people_write_is_not_refused() -> None:
    assert verdict("shop/cart.py", "x = 'Größe 日本語 ❤️ 👩\u200d💻'\r\n").allowed
