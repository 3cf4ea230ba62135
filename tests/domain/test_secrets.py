"""What counts as a secret, what is masked, and that no input makes it slow."""

import base64
import json
import random
import string
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from app.domain.secrets import MASK, OVERLAP, RedactedStream, Redactor, find, redact
from tests.harness.growth import LINEAR, growth

# Drawn, not written: no file of this repository shall hold anything that looks like a live token.
_RANDOM = random.Random(7)
_BASE62 = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


def drawn(length: int, alphabet: str = _BASE62) -> str:
    return "".join(_RANDOM.choices(alphabet, k=length))


def password(length: int) -> str:
    return drawn(length - 2) + "4Q"


def jwt() -> str:
    return f"eyJ{drawn(30)}.eyJ{drawn(120)}.{drawn(43)}"


PEM_BODY = "\n".join(drawn(64) for _ in range(25))
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{PEM_BODY}\n{drawn(20)}==\n-----END RSA PRIVATE KEY-----"
ENCRYPTED_PEM = PEM.replace(
    "KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,A0B1C2D3E4F50617\n\n", 1
)

TOKENS = {
    "GitHub token, old": ("GitHub token", "ghp_" + drawn(36)),
    "GitHub token, new": ("GitHub token", f"ghs_1234567_{jwt()}{drawn(300)}"),
    "GitHub fine-grained": ("GitHub token", f"github_pat_{drawn(22)}_{drawn(59)}"),
    "GitLab": ("GitLab token", "glpat-" + drawn(20)),
    "GitLab, routable": ("GitLab token", f"glpat-{drawn(27)}.01.{drawn(9)}"),
    "AWS id": ("AWS access key", "AKIA" + drawn(16, string.ascii_uppercase + "234567")),
    "Google": ("Google API key", "AIza" + drawn(35)),
    "Slack": ("Slack token", f"xoxb-{drawn(12, string.digits)}-{drawn(12, string.digits)}-{drawn(24)}"),
    "Stripe": ("Stripe key", "sk_live_" + drawn(24)),
    "OpenAI": ("OpenAI key", f"sk-proj-{drawn(74)}"),
    "OpenAI, old": ("OpenAI key", "sk-" + drawn(48)),
    "Anthropic": ("Anthropic key", f"sk-ant-api03-{drawn(90)}"),
    "npm": ("npm token", "npm_" + drawn(36)),
    "PyPI": ("PyPI token", "pypi-AgEIcHlwaS5vcmc" + drawn(90)),
    "web token": ("JSON web token", jwt()),
    "key block": ("private key", PEM),
    "encrypted key block": ("private key", ENCRYPTED_PEM),
    "key block in JSON": ("private key", json.dumps(PEM)[1:-1]),
    "Telegram": ("Telegram token", "AA" + drawn(33)),
}


@pytest.mark.parametrize("case", TOKENS)
def test_a_token_is_found_where_it_stands_and_masked_whole(case: str) -> None:
    family, token = TOKENS[case]
    text = f'before 12345678:{token}" after' if case == "Telegram" else f'before "{token}" after'
    (hit,) = find(text)
    assert (hit.family, text[hit.start : hit.end]) == (family, token)
    assert redact(text) == text.replace(token, MASK)


ASSIGNED = [
    ('password = "{}"', password(16), "password"),
    ("DB_PASSWORD={}", password(20), "password"),
    ("    api_key: {}\n", password(32), "password"),
    ('"clientSecret": "{}",', password(28), "password"),
    ('{{"apiKey": "{}"}}', password(28), "password"),
    ("aws_secret_access_key = {}", password(40), "AWS secret key"),
    ("AWS_SECRET_ACCESS_KEY='{}'", password(38) + "/+", "AWS secret key"),
    ("postgres://app:{}@db.internal/app", password(14), "password in a URL"),
    ("Authorization: Bearer {}", password(40), "authorization header"),
    ("DefaultEndpointsProtocol=https;AccountKey={};", password(86) + "==", "Azure storage key"),
]


@pytest.mark.parametrize(("text", "secret", "family"), ASSIGNED, ids=lambda value: value if " " in value else "")
def test_an_assigned_secret_is_found_without_its_name(text: str, secret: str, family: str) -> None:
    line = text.format(secret)
    (hit,) = find(line)
    assert (hit.family, line[hit.start : hit.end]) == (family, secret)
    assert secret not in redact(line)
    assert redact(line).startswith(text.split("{", maxsplit=1)[0])


NOT_SECRETS = [
    "AKIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "ghp_" + "x" * 36,
    "token = ghp_dummy" + "A1b2" * 9,
    'password = "changeme-2024-please"',
    'password: "${DB_PASSWORD_V2}"',
    'password = "{{ vault.password1 }}"',
    "password = get_password(user1)",
    "token = self.session.headers_v2",
    'SECRET_NAME = "projects/acme/secrets/db-password-2"',
    'secret = "user.account.v2"',
    'token_type: "password_reset_2"',
    "postgres://user:password@localhost:5432/app",
    "postgres://user:pass123@localhost/app",
    "https://example.com:8080/a@b",
    "Authorization: Bearer <token>",
    "Authorization: Basic dXNlcm5hbWU6cGFzc3dvcmQ=",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0.SflKxwRJSMeKKF2QT4",
    "Basic understanding-of-the-matter is enough",
    'if line.startswith("-----BEGIN RSA PRIVATE KEY-----"):',
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "-----BEGIN CERTIFICATE-----\n" + PEM_BODY,
    "the task-" + drawn(40) + " ran",
    "sha256:" + drawn(64, _HEX),
    "commit " + drawn(40, _HEX),
]


@pytest.mark.parametrize("text", NOT_SECRETS, ids=range(len(NOT_SECRETS)))
def test_placeholders_names_and_hashes_are_not_secrets(text: str) -> None:
    assert find(text) == []


def test_positions_hold_where_lower_case_is_longer_than_the_text() -> None:
    secret = drawn(24)
    text = f"İİİ PASSWORD={secret}"
    assert redact(text) == f"İİİ PASSWORD={MASK}"


def test_neighbours_are_all_masked() -> None:
    tokens = ["ghp_" + drawn(36), "npm_" + drawn(36), "glpat-" + drawn(20)]
    hits = find(" ".join(tokens))
    assert [hit.family for hit in hits] == ["GitHub token", "npm token", "GitLab token"]
    assert redact(" ".join(tokens)) == " ".join([MASK] * 3)


@pytest.mark.parametrize("prefix", ["", "u", "us", "x-access-token:", "bot:"])
def test_a_value_we_hold_is_masked_in_every_spelling(prefix: str) -> None:
    value = 'cor/rect "horse" batt+ery€'
    spellings = [
        value,
        json.dumps(value),
        repr({"v": value}),
        quote(value, safe=""),
        base64.b64encode((prefix + value + "!").encode()).decode(),
        base64.urlsafe_b64encode((prefix + value).encode()).decode(),
    ]
    for spelling in spellings:
        masked = redact(f"header={spelling};", [value])
        assert MASK in masked
        assert "horse" not in masked
        # What is left of base64 tells at most the neighbours and the characters they share.
        assert len(masked) < len(prefix) * 2 + len(MASK) + 30


def test_one_line_of_a_key_we_hold_is_masked_and_short_values_are_not() -> None:
    assert redact("bad line: " + PEM_BODY.splitlines()[3], [PEM]) == f"bad line: {MASK}"
    assert redact("user root logged in", ["root"]) == "user root logged in"


def test_a_longer_value_is_masked_before_the_one_inside_it() -> None:
    assert redact("k=abcdefgh-ijklmn", ["abcdefgh", "abcdefgh-ijklmn"]) == f"k={MASK}"


@pytest.mark.parametrize("size", [1, 7, 64, 5_000])
def test_a_stream_masks_what_arrives_in_pieces(size: int) -> None:
    held = "our own value 42"
    text = f"one\nuser {held} two ghp_{drawn(36)} three\n{PEM}\nlast npm_{drawn(36)}"
    stream = RedactedStream(Redactor([held]))
    shown = "".join(stream.feed(text[i : i + size]) for i in range(0, len(text), size)) + stream.finish()
    assert shown == redact(text, [held])
    assert shown.count(MASK) == 4


def test_a_stream_without_line_breaks_is_shown_in_time_and_keeps_tokens_whole() -> None:
    tokens = [f"ghs_1_{jwt()}{drawn(300)}" for _ in range(200)]
    stream = RedactedStream()
    shown = [stream.feed(f"{token} {drawn(7)} ") for token in tokens]
    assert sum(map(len, shown)) > 20 * len(tokens)
    whole = "".join(shown) + stream.finish()
    assert whole.count(MASK) == len(tokens)
    assert not any(token[:20] in whole for token in tokens)
    # One endless word is not kept for ever.
    assert RedactedStream().feed("z" * 3 * OVERLAP)


HOSTILE = [
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----Abc: -----BEGIN PRIVATE KEY-----\n",
    "-----BEGIN PRIVATE KEY-----\n" + "A" * 40 + "\n",
    "-----BEGIN A A A A ",
    "eyJ-",
    "eyJ" + "a" * 20 + ".",
    "ghp_",
    "gh_ghs_a.",
    "glpat-",
    "sk-sk-proj-",
    "xoxb-",
    "://a:",
    "://" + "a" * 99 + ":" + "b" * 199,
    "password=",
    "password='a",
    "token=" + "a1" * 60,
    "secretkeyaws",
    "aws-",
    "bearer " + "a1" * 2_000 + "!",
    "api_key\t\t\t\t\t\t\t\t",
    '"private_key_id": ',
    "İpwd=",
]


@pytest.mark.parametrize("unit", HOSTILE, ids=range(len(HOSTILE)))
def test_no_input_takes_more_than_linear_time(unit: str) -> None:
    assert growth(lambda length: redact(unit * (length // len(unit))), 15_000) < LINEAR


def test_ordinary_log_lines_are_redacted_fast() -> None:
    words = ["run", "pull", "review", "finding", "posted", "through", "task", "file", "item", "200", "ms", "global"]
    lines = [f"2026-01-01T00:00:{i % 60:02d}Z INFO {' '.join(_RANDOM.choices(words, k=14))}" for i in range(5_000)]
    redactor = Redactor(["a value we hold", "another value"])
    assert [redactor.redact(line) for line in lines] == lines
    # Three times as long as taking the line apart is usual; a pattern that looks at every character anew takes hundreds.
    assert seconds(lambda: [redactor.redact(line) for line in lines]) < 15 * seconds(lambda: [x.split() for x in lines])


def seconds(work: Callable[[], object]) -> float:
    """Of processor time, the quickest of three tries."""

    def once() -> float:
        began = time.thread_time()
        work()
        return time.thread_time() - began

    return min(once() for _ in range(3))
