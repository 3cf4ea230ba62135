"""A repository that tries to run code through a linter's configuration, or to silence it, gets neither."""

from pathlib import Path

from reviewers.linters.reviewer import Linters
from tests.linters.kinds import ChangeOf

BUGS = {
    "a.py": "class A:\n    pass\n\n\nA().go()\nprint(nowhere)\nrows = [[0]] * 3\n",
    "a.ts": "const a = 1\na = 2\n",
    "a.sh": "#!/bin/bash\ncd x\n",
    "Dockerfile": "FROM debian:12\nRUN cd /x && make\n",
    ".github/workflows/a.yml": (
        "on: pull_request_target\npermissions: {}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
        '      - run: echo "${{ github.event.pull_request.title }}"\n'
    ),
}
EXPECTED = {
    "ruff": "F821",
    "ty": "missing-attribute",
    "ast-grep": "py-repeated-mutable",
    "oxlint": "no-const-assign",
    "shellcheck": "SC2164",
    "hadolint": "DL3003",
    "zizmor": "template-injection",
}


def hostile(marker: Path) -> dict[str, str]:
    """Files that would run a program or hide everything, were they obeyed."""
    python = f"open({str(marker)!r}, 'w')\n"
    script = f"require('fs').writeFileSync({str(marker)!r}, '')\n"
    shell = f"#!/bin/sh\ntouch {marker}\n"
    return {
        # Code that runs when any Python is started or imports here.
        **dict.fromkeys(["conftest.py", "sitecustomize.py", "usercustomize.py", "json.py", "setup.py"], python),
        # ruff
        "ruff.toml": 'extend = "/nonexistent.toml"\nexclude = ["*"]\n',
        ".ruff.toml": 'exclude = ["*"]\nlint.select = []\n',
        "pyproject.toml": '[tool.ruff]\nexclude = ["*"]\n[tool.ty.environment]\npython = "./evil"\n'
        '[tool.ty.rules]\nall = "ignore"\n[tool.ty.src]\nexclude = ["**"]\n',
        # ty
        "ty.toml": '[environment]\npython = "./evil"\n[rules]\nall = "ignore"\n',
        ".venv/pyvenv.cfg": "home = ./evil\nversion = 3.13\n",
        ".venv/bin/python": shell,
        "evil/bin/python": shell,
        # ast-grep
        "sgconfig.yml": "ruleDirs: []\ncustomLanguages:\n  python: {libraryPath: ./evil.so, extensions: [py]}\n",
        "evil.so": "not a library",
        # oxlint and node
        ".oxlintrc.json": '{"jsPlugins": ["./evil.js"], "rules": {"no-const-assign": "off"}, "ignorePatterns": ["**"]}',
        "oxlint.config.ts": script,
        "evil.js": script,
        "package.json": '{"type": "commonjs", "imports": {"#x": "./evil.js"}}',
        ".eslintignore": "**\n",
        # shellcheck, hadolint, zizmor
        ".shellcheckrc": "disable=all\nexternal-sources=true\n",
        ".hadolint.yaml": "ignored: [DL3003]\n",
        "zizmor.yml": "rules: {template-injection: {disable: true}}\n",
        ".github/zizmor.yml": "rules: {template-injection: {disable: true}}\n",
        # What a program would be taken for, and what would hide files from a walk.
        **dict.fromkeys(["ruff", "ty", "node", "git", "node_modules/.bin/oxlint"], shell),
        ".gitignore": "*\n",
        ".ignore": "*\n",
    }


async def test_configuration_in_the_repository_runs_nothing_and_hides_nothing(
    linters: Linters, change_of: ChangeOf, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    traps = hostile(marker)
    change = change_of({**traps, **BUGS}, traps)
    for name in traps:
        (change.head_root / name).chmod(0o755)
        (change.base_root / name).chmod(0o755)
    report = await linters.review(change)
    present = {label.split(" ")[0] for label in report.analysers if "not installed" not in label}
    assert not [label for label in report.analysers if "failed" in label]
    assert {(one.reviewer, one.rule) for one in report.findings} >= {
        (tool, rule) for tool, rule in EXPECTED.items() if tool in present
    }
    assert {"ruff", "ty", "ast-grep"} <= present
    assert not marker.exists()
    written = {str(path.relative_to(change.head_root)) for path in change.head_root.rglob("*") if path.is_file()}
    assert written == {*traps, *BUGS}


async def test_each_changed_trap_is_read_as_a_file_too(linters: Linters, change_of: ChangeOf, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    report = await linters.review(change_of(hostile(marker)))
    assert {reading.reason for reading in report.readings} == {""}
    assert not marker.exists()


async def test_a_link_in_the_tree_is_not_followed(linters: Linters, change_of: ChangeOf, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("print(nowhere)\n")
    change = change_of({"a.py": "print(nowhere)\n"})
    (change.head_root / "a.py").unlink()
    (change.head_root / "a.py").symlink_to(tmp_path / "outside.py")
    report = await linters.review(change)
    assert report.findings == ()
    assert report.readings[0].state == "failed"
