"""Each rule of our own finds its bug and leaves the right code beside it alone; the tables fit what the tools say."""

import re
from pathlib import Path

import pytest

from app.domain.findings import Severity
from reviewers.linters.ast_grep import AST_GREP, RULES, rules
from reviewers.linters.base import LONGEST_TITLE, Hit, as_title, holds_test_data, is_test
from reviewers.linters.registry import LINTERS
from reviewers.linters.ruff import RUFF
from reviewers.linters.run import OUR_PROGRAMS, Output, find_program, run_program

# Rule -> lines that are wrong, lines that are right. Statements of several lines have "\n" in them.
PYTHON = {
    "py-repeated-mutable": (
        ["rows = [[0] * 3] * 3", "rows = [{}] * n", "rows = [[]] * n", "rows = [set()] * 2"],
        ["rows = [[0] for _ in range(3)]", "row = [0] * 3", "row = [None] * n", "text = ['-'] * 3"],
    ),
    "py-removal-while-iterating": (
        [
            "for x in xs:\n    if x:\n        xs.remove(x)",
            "for i, x in enumerate(ys):\n    for y in zs:\n        del zs[0]",
            "for x in self.xs:\n    self.xs.pop(0)",
        ],
        [
            "for x in list(xs):\n    xs.remove(x)",
            "for x in xs:\n    if x:\n        xs.remove(x)\n        break",
            "for x in xs:\n    ys.remove(x)",
            "for x in xs[:]:\n    xs.remove(x)",
        ],
    ),
    "py-tar-extract-unfiltered": (
        ["tar.extractall('out')", "tf.extractall(path=p)", "tarball.extractall()"],
        ["tar.extractall('out', filter='data')", "zip_file.extractall('out')"],
    ),
    "py-hmac-compared-with-equals": (
        ["ok = hmac.new(k, m, 'sha256').hexdigest() == sent", "if sent != hmac.new(k, m, sha).hexdigest():\n    pass"],
        ["ok = hmac.compare_digest(hmac.new(k, m, 'sha256').hexdigest(), sent)", "ok = sha256(m).hexdigest() == want"],
    ),
    "py-jwt-unverified": (
        ["jwt.decode(t, verify=False)", "jwt.decode(t, options={'verify_signature': False})"],
        ["jwt.decode(t, key, algorithms=['RS256'])", "jwt.decode(t, key, options={'verify_aud': False})"],
    ),
    "py-secret-from-random": (
        ["token = random.choice(letters)", "reset_token = ''.join(random.choice(a) for _ in range(9))"],
        ["token = secrets.token_hex()", "color = random.choice(colors)", "token = parse(random_text)"],
    ),
    "py-web-debugger": (
        ["app.run(debug=True)", "flask_app.run('h', debug=True)"],
        ["app.run()", "task.run(debug=True)"],
    ),
    "py-markup-from-text": (
        ["mark_safe(f'<b>{name}</b>')", "mark_safe('<b>%s</b>' % name)", "Markup('<b>{}</b>'.format(name))"],
        ["mark_safe('<br>')", "mark_safe(f'<br>')", "format_html('<b>{}</b>', name)"],
    ),
}
SCRIPT = {
    "js-async-for-each": (
        [
            "xs.forEach(async (x) => { await f(x) })",
            "xs.forEach(async x => f(x))",
            "xs.forEach(async function (x) { })",
        ],
        ["xs.forEach((x) => { f(x) })", "await Promise.all(xs.map(async (x) => f(x)))"],
    ),
    "js-async-predicate": (
        [
            "xs.filter(async (x) => await ok(x))",
            "xs.some(async function (x) { return true })",
            "a.b.find(async x => x)",
        ],
        ["xs.filter((x) => ok(x))", "xs.map(async (x) => ok(x))", "db.find({ a: async () => 1 })"],
    ),
    "js-async-executor": (
        ["new Promise(async (resolve) => { resolve(await f()) })"],
        ["new Promise((resolve) => { resolve(1) })"],
    ),
    "js-map-parse-int": (["xs.map(parseInt)", "xs.map(Number.parseInt)"], ["xs.map((x) => parseInt(x, 10))"]),
    "js-nan-compared": (["if (a === NaN) f()", "if (NaN !== a) f()", "b = a == NaN"], ["if (Number.isNaN(a)) f()"]),
    "js-shell-from-text": (
        ["exec(`ls ${name}`, done)", "child_process.execSync(`rm ${x}`)"],
        ["execFile('ls', [name])", "exec('ls', done)", "exec(`ls`)", "re.exec(`${text}`)"],
    ),
    "js-sql-from-text": (
        ["db.query(`SELECT * FROM t WHERE a = ${a}`)", "await client.query(`delete from t where a=${a}`, [])"],
        ["db.query('SELECT * FROM t WHERE a = $1', [a])", "db.query(`SELECT 1`)", "api.query(`users/${id}`)"],
    ),
    "js-code-from-text": (["eval(text)", "new Function('a', body)"], ["evaluate(text)", "eval('1')"]),
    "js-certificates-unchecked": (
        ["connect({ rejectUnauthorized: false })", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'"],
        ["connect({ rejectUnauthorized: true })"],
    ),
    "js-markup-from-text": (
        ["a.innerHTML = `<b>${name}</b>`", "a.innerHTML = '<b>' + name"],
        ["a.innerHTML = ''", "a.innerHTML = `<br>`", "a.textContent = `${name}`"],
    ),
    "js-message-to-any-origin": (
        ["w.postMessage(data, '*')", 'w.postMessage(d, "*")'],
        ["w.postMessage(data, origin)"],
    ),
}


async def scan(folder: Path, name: str, text: str) -> list[tuple[str, int, int]]:
    (folder / name).write_text(text)
    program = find_program("ast-grep", OUR_PROGRAMS)
    assert program is not None
    argv = [program, *AST_GREP.arguments(folder, [name]), "--", f"./{name}"]
    output = await run_program(argv, folder=folder, home=folder)
    return [(hit.rule, hit.start_line, hit.end_line) for hit in AST_GREP.parse(output)]


def placed(statements: list[str]) -> tuple[str, list[range]]:
    """The statements as one text, and the lines that each of them takes."""
    text, lines = "", list[range]()
    for statement in statements:
        first = text.count("\n") + 1
        text += statement + "\n\n"
        lines.append(range(first, first + statement.count("\n") + 1))
    return text, lines


CASES = [
    *((rule, name, *cases) for rule, cases in PYTHON.items() for name in ("a.py",)),
    *((rule, name, *cases) for rule, cases in SCRIPT.items() for name in ("a.ts", "a.tsx", "a.js", "a.jsx", "a.mjs")),
]


@pytest.mark.parametrize(("rule", "name", "wrong", "right"), CASES)
async def test_a_rule_finds_what_is_wrong_and_only_that(
    tmp_path: Path, rule: str, name: str, wrong: list[str], right: list[str]
) -> None:
    text, lines = placed(wrong)
    hits = await scan(tmp_path, name, text)
    assert {found for found, _, _ in hits} == {rule}
    for where, statement in zip(lines, wrong, strict=True):
        assert any(start in where for _, start, _ in hits), statement
    assert await scan(tmp_path, name, placed(right)[0]) == []


def test_every_rule_has_its_cases() -> None:
    named = {
        rule for file in RULES.glob("*.yml") for rule in re.findall(r"^id: (\S+)$", file.read_text(), re.MULTILINE)
    }
    assert named == {*PYTHON, *SCRIPT}


async def test_every_selected_rule_of_ruff_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    program = find_program("ruff", OUR_PROGRAMS)
    assert program is not None
    output = await run_program(
        [program, *RUFF.arguments(tmp_path, ["a.py"]), "--", "./a.py"], folder=tmp_path, home=tmp_path
    )
    assert (output.exit_code, output.stderr, RUFF.parse(output)) == (0, b"", [])


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("Undefined name `x`", "Undefined name `x`"),
        ("first sentence. Second one.", "First sentence"),
        ("Ends here.\nhint: more", "Ends here"),
        ("word " * 40, ("Word " + "word " * 14).strip() + "…"),
        ("", ""),
    ],
)
def test_a_message_becomes_a_title(message: str, title: str) -> None:
    assert as_title(message) == title
    assert len(title) <= LONGEST_TITLE


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/a.py", True), ("a/test_b.py", True), ("a_test.go", True), ("a.spec.ts", True), ("conftest.py", True),
        ("src/contest.py", False), ("latest/a.py", False), ("testimony.py", False), ("src/test.py", False),
    ],
)  # fmt: skip
def test_what_counts_as_a_test(path: str, expected: bool) -> None:
    assert is_test(path) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/data/a.py", True), ("go/testdata/x/a.go", True), ("a/Fixtures/b.js", True), ("test/samples/a.sh", True),
        ("data/a.py", False), ("tests/a/data/b.py", False), ("tests/fixtures.py", False), ("src/samples/a.py", False),
    ],
)  # fmt: skip
def test_where_samples_for_tests_are(path: str, expected: bool) -> None:
    assert holds_test_data(path) is expected


@pytest.mark.parametrize(
    ("linter", "path", "expected"),
    [
        ("ruff", "a.pyi", True), ("ruff", "a.PY", True), ("ruff", "a.pyc", False),
        ("hadolint", "Dockerfile", True), ("hadolint", "x/Dockerfile.prod", True), ("hadolint", "web.dockerfile", True),
        ("hadolint", "Dockerfile_notes.md", False), ("hadolint", "dockerfiles/a.txt", False),
        ("zizmor", ".github/workflows/a.yaml", True), ("zizmor", ".github/actions/x/action.yml", True),
        ("zizmor", ".github/dependabot.yml", False), ("zizmor", "workflows/a.yml", False),
        ("oxlint", "a.mts", True), ("shellcheck", "a.sh", True), ("shellcheck", "a.fish", False),
    ],
)  # fmt: skip
def test_which_files_a_linter_reads(linter: str, path: str, expected: bool) -> None:
    assert LINTERS[linter].reads(path) is expected


def test_only_sure_rules_are_high_or_stand_alone() -> None:
    where = '"filename": "a.py", "location": {"row": 1}, "end_location": {"row": 1}'
    codes = ["F821", "F502", "F524", "B023", "S602", "S605", "E999", "F706", "B006", "S608", "S301", "ASYNC210", "XYZ"]
    rows = ",".join(f'{{"code": "{code}", "message": "m", {where}}}' for code in codes)
    hits: list[Hit] = RUFF.parse(Output(0, f"[{rows}]".encode(), b""))
    assert [hit.rule for hit in hits if hit.severity is Severity.HIGH] == codes[:8]
    assert [hit.rule for hit in hits if hit.stands_alone] == codes[:8]


@pytest.mark.parametrize(
    ("files", "languages"),
    [
        (["a.py", "b.PYI"], {"Python"}),
        (["a.jsx"], {"JavaScript"}),
        (["a.mts", "b.tsx", "c.py"], {"Python", "TypeScript", "Tsx"}),
    ],
)
def test_ast_grep_reads_the_rules_of_the_languages_it_will_meet(files: list[str], languages: set[str]):
    assert set(re.findall(r"^language: (\w+)$", rules(files), re.MULTILINE)) == languages
