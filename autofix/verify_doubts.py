"""What makes a passing test say too little of a fix: it is then shown to a person, and never goes by itself.

A rule of verify_tests refuses what no honest fix does. Honest fixes do what stands here, so these only lower the grade.
"""

import re
from collections.abc import Iterable, Mapping

from autofix.verify_files import Parts, decides_how_tests_run
from autofix.verify_special_cases import COMMENT, held_value

# Reads after "the fix". What a test sees may be otherwise wherever the code runs in earnest.
_IN_PRODUCT: Mapping[str, re.Pattern[str]] = {
    "depends on where it runs": re.compile(
        r"\bos\.environ|\bgetenv\b|\bprocess\.env\b|\bstd::env\b|os\.(?:Getenv|LookupEnv|Args)|System\.(?:getenv|getProperty)"
        r"|\bENV\[|\b(?:sys|process)\.argv\b|\bargv\b|\bos\.getp?pid\b|\bgetcwd\b|process\.cwd|gethostname|\bplatform\."
        r"|\$\{?0\b|BASH_SOURCE|\$\{?PPID\b|\$\{?[A-Z][A-Z_]{1,}\b|__file__|__name__|import\.meta|__dirname|__filename"
        r"|currentframe|_getframe|extract_stack|\.stack\b|runtime\.Caller"
    ),
    "looks at files": re.compile(
        r"\bos\.(?:path\.)?(?:exists|lexists|isfile|isdir|getsize|getmtime|stat|listdir|scandir|walk)\b|\.exists\(|\bis_file\("
        r"|\bis_dir\(|\biterdir\(|\bglob\b|\bopen\(|\bPath\(|\bread_(?:text|bytes)\(|Sync\(|\breaddir|\breadFile|\bfopen\("
        r"|\baccess\(|\bstat\(|\[\s+-[a-zA-Z]\s|\btest\s+-[a-zA-Z]\s|os\.(?:Open|Stat|ReadFile)\b|\bfs::"
        r"|\btempfile\b|\bshutil\b|\bFileHandler\(|\bsqlite3\b|\bos\.tmpdir\(|\btemp_dir\(|os\.(?:Create|WriteFile|TempDir)\b"
    ),
    "starts or ends a program": re.compile(
        r"\bsubprocess\b|\bos\.(?:system|popen|exec\w*|spawn\w*|fork\w*|_exit|kill\w*|abort)\b|\bsys\.exit\b|SystemExit"
        r"|KeyboardInterrupt|\batexit\b|\bsignal\.|process\.(?:exit\w*|kill|reallyExit|on|once|abort|emit)\b|child_process"
        r"|\bspawn\w*\(|(?<![.\w])_?_?[eE]xit\b|\babort\(|^\s*(?:exec|trap|kill|source|eval)\s|process::(?:exit|abort)"
        r"|\bsyscall\.|System\.exit|os\.(?:Exit|StartProcess)\b|\bsystem\("
    ),
    "reaches into the program that runs it": re.compile(
        r"__import__|\bimportlib\b|(?<![.\w])(?:eval|exec|compile)\(|\b(?:globals|locals|vars|setattr|delattr)\(|\bbuiltins\b"
        r"|__(?:builtins|class|subclasses|dict|code|globals|mro|bases|closure|defaults)__|\bgc\.|\bctypes\b|\bmock\b"
        r"|\bsys\.(?:modules|std(?:out|err)|settrace|setprofile|meta_path|path|path_hooks|excepthook|displayhook)\b"
        r"|\bglobalThis\b|\.prototype\b|\bReflect\.|(?<![.\w])Function\(|\bProxy\(|require\.cache|process\.(?:binding|std)"
        r"|setPrototypeOf|__proto__|defineProperty|#\s*define\s+\w*(?:assert|check|test|main|printf)\w*|__attribute__"
        r"|^\s*alias\s|\btransmute\b|\bunsafe\b|^\s*(?:function\s+)?(?:echo|printf|test|exit|true|false|set|same|end)\s*\(\)",
        re.IGNORECASE,
    ),
    "decides what it is equal to": re.compile(
        r"__(?:eq|ne|hash|bool|lt|gt|le|ge|contains|instancecheck|subclasscheck|getattr|getattribute)__|\bvalueOf\b"
        r"|toPrimitive|\boperator\s*[=!]=|\bfn (?:eq|ne)\(|\bdef ==|\bboolean equals\("
    ),
    "compares with digests": re.compile(
        r"\bhashlib\b|(?<![.\w])hash\(|\bmd5|\bsha\d+|\bcrc32|\bcksum\b|fromhex|b(?:16|32|64|85)decode|\batob\(|Buffer\.from"
        r"|fromCharCode|\bcodecs\b|createHash|\bzlib\b"
    ),
    "depends on the clock or on chance": re.compile(
        r"\btime\.(?:time|monotonic|perf_counter)|\b(?:datetime|date)\.(?:now|today|utcnow)|\bDate\.now|new Date\(\)"
        r"|performance\.now|\brandom\b|\buuid\d|\$\{?RANDOM\b|\$\(date\b|\bclock\(\)|time\.Now\(|Instant::now|SystemTime"
        r"|\brand\("
    ),
}
# Tells an analyser to be silent, which is not the same as giving it no reason to speak; mostly in a comment.
_SILENCES = re.compile(
    r"\bnoqa\b|\b(?:type|pyright|mypy|ty|ruff|zizmor|v8|c8)\s*:\s*ignore|eslint-disable|oxlint-disable|biome-ignore"
    r"|@ts-(?:ignore|nocheck|expect-error)|\bnolint\b|\bNOSONAR\b|\bnosec\b|nosemgrep|ast-grep-ignore|rubocop:disable|pylint:\s*disable"
    r"|(?:shellcheck|hadolint)\s+(?:disable|ignore)|#!?\[(?:allow|expect)\(|@SuppressWarnings"
    r"|pragma:?\s+(?:no cover|warning|GCC|clang)|istanbul ignore",
    re.IGNORECASE,
)
# A test that does so may be about something else than what the code does.
_IN_TESTS: Mapping[str, re.Pattern[str]] = {
    "has a test that looks at files": re.compile(
        r"\bos\.(?:path\.)?(?:exists|lexists|isfile|isdir|getsize|getmtime|l?stat|listdir|scandir|walk|access)\b|\.exists\("
        r"|\bis_file\(|\bis_dir\(|\biterdir\(|\bglob\(|\bopen\(|\bread_(?:text|bytes)\(|\b\w+Sync\(|\breaddir|\breadFile"
        r"|\bfopen\(|\baccess\(|\bl?stat\(|\[\s+!?\s*-[a-zA-Z]\s|\btest\s+!?\s*-[a-zA-Z]\s|os\.(?:Open|Stat|ReadFile)\b|\bfs::"
        r"|(?:^|[|;&(`]|\bif|!)\s*(?:grep|sed|awk|cat|ls|find|wc|cmp|diff|head|tail|cksum|git|mkdir|touch|rm)\s"
    ),
    "has a test that depends on where it runs": re.compile(
        r"\bos\.environ|\bgetenv\b|\bprocess\.env\b|os\.(?:Getenv|Args)|\b(?:sys|process)\.argv\b|\bos\.getp?pid\b|\bgetcwd\b"
        r"|\$\{?PPID\b|\$\{?(?:TMPDIR|HOME|PYTEST\w*)\b|\bos\.mkdir|\bmakedirs|expanduser|\bsocket\b|\bsubprocess\b|\bPopen\b"
    ),
}
# A command of its own, in place of a test: what it does to files is its only memory, and what it reads is not run.
_IN_COMMANDS = re.compile(
    r"\b(?:ls|find|stat|git|touch|mkdir|rm|mv|cp|ln|tee|mktemp|listdir|scandir|walk|iterdir|glob|exists|isfile|open|stat)\b"
    r"|[*~]|\$|>|\[\s+!?\s*-[a-zA-Z]\s|\btest\s+!?\s*-[a-zA-Z]\s|\b[ef]?grep\s+-\w*r|__\w+__|\bdir\(|\bvars\(|inspect"
    r"|(?<=\s)\.(?=\s|$)|/tmp|\benviron\b"
)  # fmt: skip


def doubt(pieces: Parts, heads: Iterable[str], commands: Iterable[str]) -> str:
    """A phrase that reads after "the fix"; empty when its tests say enough. `heads` are the product's files before."""
    for file in pieces.product:
        # Where the finding stands in it: else it is no product, and refused.
        if decides_how_tests_run(file.path):
            return f"changes how the tests run ({file.path})"
        for number, text in file.added:
            if _SILENCES.search(text):
                return f"silences an analyser ({file.path}:{number})"
            if not COMMENT.match(text) and (said := _said(_IN_PRODUCT, text)):
                return f"{said} ({file.path}:{number})"
    for file in pieces.tests:
        for number, text in file.added:
            if not COMMENT.match(text) and (said := _said(_IN_TESTS, text)):
                return f"{said} ({file.path}:{number})"
    if found := held_value(pieces, heads):
        return f"holds a value of its own test, {found}"
    return next((f"is shown by {one} alone" for one in commands if not pieces.tests and _IN_COMMANDS.search(one)), "")


def _said(table: Mapping[str, re.Pattern[str]], text: str) -> str:
    return next((said for said, pattern in table.items() if pattern.search(text)), "")
