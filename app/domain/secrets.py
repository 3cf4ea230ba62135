"""One table of what secrets look like: finds them in code, masks them in logs, prompts and evidence.

A pattern is only tried where one of its starts stands, and its repetitions are bounded or possessive: the work grows
with the text's length alone, and a line of a log without any start costs a few microseconds.
"""

import base64
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, quote_plus

MASK = "[secret removed]"

# How strictly a match is looked at: a token's prefix says it all; a "password = …" needs a value that looks random.
Kind = Literal["token", "assignment", "url"]


@dataclass(frozen=True)
class SecretHit:
    """A secret in a text: which family, and the span of the secret itself."""

    family: str
    start: int
    end: int


@dataclass(frozen=True)
class Family:
    """A kind of secret: its name in messages, texts it starts with, and the pattern that is tried where they stand.

    The last group of the pattern is what is masked; without groups, all of the match.
    """

    name: str
    starts: tuple[str, ...]
    pattern: re.Pattern[str]
    kind: Kind = "token"


def find(text: str) -> list[SecretHit]:
    """Secrets in a text by position, without placeholders and examples; spans do not overlap."""
    return [hit for hit in _matches(text) if not _is_placeholder(text[hit.start : hit.end])]


def redact(text: str, values: Iterable[str] = ()) -> str:
    """The text with everything masked that looks like a secret, or is one of `values` in any spelling.

    For many texts make one `Redactor`: preparing the spellings costs more than using them.
    """
    return Redactor(values).redact(text)


class Redactor:
    """Masks token families and the exact values of the secrets this process holds."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        # The longest first: a value inside another one must not leave the other's rest readable.
        self._spellings = sorted({s for value in values for s in _spellings(value)}, key=len, reverse=True)

    def holds(self, text: str) -> bool:
        """Whether one of the exact values stands in the text, in any spelling."""
        return any(spelling in text for spelling in self._spellings)

    def redact(self, text: str) -> str:
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, MASK)
        # Placeholders are masked too: a real token may hold the word "test", and a masked example hurts nobody.
        hits = _matches(text)
        if not hits:
            return text
        parts: list[str] = []
        done = 0
        for hit in hits:
            parts += (text[done : hit.start], MASK)
            done = hit.end
        return "".join((*parts, text[done:]))


# No single secret is longer, and so no line of a stream is held back further than this (a service account key: 2.4 kB).
OVERLAP = 8_192


@dataclass
class RedactedStream:
    """Masks text that comes in pieces: holds back the unfinished line, where a secret may still be growing."""

    redactor: Redactor = field(default_factory=Redactor)
    _pending: str = ""

    def feed(self, piece: str) -> str:
        """Takes a piece, returns what is safe to show by now."""
        self._pending += piece
        if "\n" not in piece and len(self._pending) < 2 * OVERLAP:
            return ""
        return self._release(self._safe_length())

    def finish(self) -> str:
        """Returns the rest; the stream may be used again."""
        return self._release(len(self._pending))

    def _release(self, length: int) -> str:
        ready, self._pending = self._pending[:length], self._pending[length:]
        return self.redactor.redact(ready)

    def _safe_length(self) -> int:
        end = self._pending.rfind("\n") + 1
        # A private key goes on for many lines, and its masking needs all of them in one piece.
        key = self._pending.rfind(_KEY_BEGINS)
        if key >= 0 and _KEY_ENDS not in self._pending[key:]:
            end = min(end, key)
        if len(self._pending) - end < 2 * OVERLAP:
            return end
        end = len(self._pending) - OVERLAP
        # Not through the middle of a word: it may be a token.
        space = max(self._pending.rfind(blank, 0, end) for blank in " \t\n")
        return space + 1 if space >= 0 else end


# What shortest value is masked? Below this an exact value ("root", "8080") would blank out ordinary words.
_SHORTEST_VALUE = 6


def _spellings(value: str) -> Iterator[str]:
    """A value as logs and headers show it: plain, escaped in JSON, quoted in a URL, inside base64."""
    if len(value) < _SHORTEST_VALUE:
        return
    yield value
    yield json.dumps(value)[1:-1]
    yield quote(value, safe="")
    yield quote_plus(value)
    yield from (line for line in value.splitlines() if len(line) >= 16 and not line.startswith("-----"))
    raw = value.encode("utf-8", "surrogatepass")
    if len(raw) >= 9:
        # Basic authentication encodes "user:token": the value stands at any of three offsets, and the characters that
        # mix its bits with its neighbours' are left out.
        for offset in range(3):
            encoded = base64.b64encode(b"\0" * offset + raw).decode()
            inner = encoded[(0, 2, 3)[offset] : len(encoded) - (0, 3, 2)[(offset + len(raw)) % 3]]
            yield inner
            yield inner.replace("+", "-").replace("/", "_")


def _matches(text: str) -> list[SecretHit]:
    """Spans of the table's patterns by position; of two that overlap, the one that starts first."""
    found: list[SecretHit] = []
    for last_character, starts in _EXACT_STARTS.items():
        if last_character in text:
            for start, family in starts:
                if start in text:
                    found += _matches_at(start, family, text, text)
    lowered = _lowered(text)
    for start, family in _ANY_CASE_STARTS:
        if start in lowered:
            found += _matches_at(start, family, lowered, text)
    if len(found) < 2:
        return found
    found.sort(key=lambda hit: hit.start)
    apart = found[:1]
    for hit in found[1:]:
        if hit.start >= apart[-1].end:
            apart.append(hit)
    return apart


def _matches_at(start: str, family: Family, searched: str, text: str) -> Iterator[SecretHit]:
    at = searched.find(start)
    while at >= 0:
        match = family.pattern.match(text, at)
        if match is None:
            at = searched.find(start, at + len(start))
            continue
        begin, end = match.span(match.lastindex or 0)
        if family.kind == "token" or _looks_random(text[begin:end], family.kind):
            yield SecretHit(family.name, begin, end)
        at = searched.find(start, end)


def _lowered(text: str) -> str:
    """Lower case of the same length, so that positions stay (lower case of the Turkish İ is two characters)."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(c if len(c.lower()) > 1 else c.lower() for c in text)


_PLACEHOLDER = re.compile(
    r"example|sample|dummy|placeholder|change[-_]?me|your|redacted|removed|fake|mock|insert|foobar|xxxx|\*\*\*|\.\.\."
    r"|<|\$\{|00000|12345|abcdef|aaaa|test|secret|passw|not[-_]?a[-_]?real",
    re.IGNORECASE,
)
# The same few characters again and again are what people type when they mean "some token".
_FEWEST_DIFFERENT = 6
# In a longer one, such a word stands by chance, or is an App's id: nobody types a placeholder of this length.
_LONGEST_PLACEHOLDER = 100


# Encoded examples of every manual: "username:", and jwt.io's subject 1234567890.
_DOCUMENTED = ("dXNlcm5hbWU6", "eyJzdWIiOiIxMjM0NTY3ODkwI")


def _is_placeholder(secret: str) -> bool:
    if len(set(secret)) < _FEWEST_DIFFERENT or any(example in secret for example in _DOCUMENTED):
        return True
    return len(secret) <= _LONGEST_PLACEHOLDER and _PLACEHOLDER.search(secret) is not None


_TEMPLATE = re.compile(r"\$[\w({]|\{\{?|%[(s{]|<[\w-]+>|\)$")
# Words joined by one kind of mark are names ("auth.token.v1", "user-password-2"), not secrets.
_WORDS = re.compile(
    r"(?:(?:[A-Z]?[a-z]{2,}+|[A-Z]{3,}+)++\d{0,3}+(?:[-_./:](?:[A-Za-z](?![A-Za-z]))?+\d{0,4}+){0,2}+)++"
)


def _looks_random(value: str, kind: Kind) -> bool:
    """Whether an assigned value is a secret rather than a name, a template or a call."""
    if _TEMPLATE.search(value) or _WORDS.fullmatch(value):
        return False
    has_both = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return has_both and _entropy(value) >= (2.8 if kind == "url" else 3.2)


def _entropy(value: str) -> float:
    """Shannon's, in bits a character: English words about 2.5 to 3, random base62 of 20 characters about 4."""
    counts = Counter(value).values()
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts)


def _token(name: str, starts: str, pattern: str, kind: Kind = "token") -> Family:
    """A family whose starts are given in one text, separated by blanks."""
    # "_" may stand before one (in names of variables); letters and digits may not: "task-…" is no "sk-…".
    return Family(name, tuple(starts.split()), re.compile(rf"(?<![A-Za-z0-9]){pattern}"), kind)


_KEY_BEGINS = "-----BEGIN "
_KEY_ENDS = "-----END "
# Line breaks and quotes as they stand in files, in JSON, and in string literals joined over lines.
_KEY_GAP = r"""(?:\\[nrt]|[\s"',>|])*+"""
_PRIVATE_KEY = (
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    rf"(?:{_KEY_GAP}[A-Z][A-Za-z-]{{2,20}}+: [^\n\\]{{1,100}}+){{0,4}}+"
    # The body's first piece must be long: a bare header is how code looks for keys.
    rf"{_KEY_GAP}(?=[A-Za-z0-9+/]{{40}})(?:{_KEY_GAP}[A-Za-z0-9+/=]{{4,}}+)++"
    rf"(?:{_KEY_GAP}-----END [A-Z0-9 ]{{1,50}}+-----)?+"
)
# What may be called so and be assigned: the words themselves, and "key" only with a word that says which.
_ASSIGNED = (
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|credential"
    r"|key(?:(?<=api.key)|(?<=apikey)|(?<=access.key)|(?<=accesskey)|(?<=auth.key)|(?<=authkey)|(?<=signing.key)"
    r"|(?<=encryption.key)|(?<=private.key)|(?<=privatekey)|(?<=secret.key)|(?<=secretkey)|(?<=account.key)))"
    r"(?:[_-]?\d{1,2})?+"
)
_EQUALS = r"""["'`]?[ \t]{0,8}+(?:=>|:=|==|=|:)[ \t]{0,8}+"""

# The one table. Families without letters in their starts, or with a fixed case, are looked for as written.
FAMILIES = (
    _token("private key", "-----BEGIN", _PRIVATE_KEY),
    # Since April 2026 installation tokens are ghs_APPID_JWT: about 520 characters, with dots.
    _token("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9._-]{36,1000}+"),
    _token("GitHub token", "github_pat_", r"github_pat_[A-Za-z0-9_]{36,255}+"),
    _token(
        "GitLab token",
        "glpat- gldt- glrt- glrtr- glptt- glcbt- glsoat- glagent- glft- glimt- gloas-",
        r"gl(?:pat|dt|rt|rtr|ptt|cbt|soat|agent|ft|imt|oas)-[A-Za-z0-9_.-]{20,300}+",
    ),
    _token("AWS access key", "AKIA ASIA ABIA ACCA", r"A(?:KI|SI|BI|CC)A[A-Z2-7]{16}(?![A-Za-z0-9])"),
    _token("Google API key", "AIza", r"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    _token("Google OAuth secret", "GOCSPX-", r"GOCSPX-[A-Za-z0-9_-]{28}(?![A-Za-z0-9_-])"),
    _token("Google access token", "ya29.", r"ya29\.[A-Za-z0-9_-]{30,400}+"),
    _token(
        "Google service account",
        "private_key_id",
        r"""private_key_id\\?["']?\s{0,8}+:\s{0,8}+\\?["']?([0-9a-f]{40})(?![0-9a-f])""",
    ),
    _token("Slack token", "xox xapp-", r"(?:xox[abceoprs]|xapp)-[A-Za-z0-9-]{12,300}+"),
    _token("Slack webhook", "hooks.slack.com/", r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9/]{30,120}+)"),
    _token("Discord webhook", "discord", r"discord(?:app)?\.com/api/webhooks/(\d{15,22}/[A-Za-z0-9_-]{50,90}+)"),
    _token("Stripe key", "sk_live_ rk_live_", r"[sr]k_live_[A-Za-z0-9]{16,250}+"),
    _token("webhook secret", "whsec_", r"whsec_[A-Za-z0-9+/]{32,64}+"),
    _token("Anthropic key", "sk-", r"sk-ant-[A-Za-z0-9_-]{20,300}+"),
    _token(
        "OpenAI key",
        "sk-",
        r"sk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{40,300}+|[A-Za-z0-9]{32,64}+(?![A-Za-z0-9_-]))",
    ),
    _token("OpenRouter key", "sk-", r"sk-or-v1-[0-9a-f]{64}"),
    _token("npm token", "npm_", r"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    _token("PyPI token", "pypi-AgE", r"pypi-AgE[A-Za-z0-9_-]{50,400}+"),
    _token("RubyGems key", "rubygems_", r"rubygems_[0-9a-f]{48}(?![0-9a-f])"),
    _token("Hugging Face token", "hf_", r"hf_[A-Za-z]{34}(?![A-Za-z0-9])"),
    _token("SendGrid key", "SG.", r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"),
    _token("DigitalOcean token", "dop_v1_ doo_v1_ dor_v1_", r"do[opr]_v1_[0-9a-f]{64}(?![0-9a-f])"),
    _token("Shopify token", "shp", r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}(?![0-9a-fA-F])"),
    _token("Docker token", "dckr_", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,60}+"),
    _token("Vault token", "hvs. hvb.", r"hv[sb]\.[A-Za-z0-9_-]{24,300}+"),
    Family("Telegram token", (":AA",), re.compile(r"(?<=\d{8}):(AA[A-Za-z0-9_-]{33})(?![A-Za-z0-9_-])")),
    _token("Linear key", "lin_", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,64}+"),
    _token("Grafana token", "glsa_ glc_", r"(?:glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|glc_[A-Za-z0-9+/=]{32,400}+)"),
    # A run of its characters is read once, from where it begins: "eyJ-eyJ-eyJ-…" must not cost its square.
    Family(
        "JSON web token",
        ("eyJ",),
        re.compile(r"(?<![\w-])eyJ[\w-]{10,4000}+\.eyJ[\w-]{10,4000}+\.[\w-]{10,1000}+", re.ASCII),
    ),
    Family("password in a URL", ("://",), re.compile(r"""://[^\s:/@"'`]{0,100}+:([^\s/@"'`]{6,200}+)@"""), "url"),
)

# Names that people spell as they like, tried where they stand in any case.
ASSIGNMENTS = (
    Family(
        "AWS secret key",
        ("aws",),
        re.compile(
            rf"""(?i:aws[\w.-]{{0,20}}?(?:secret|key)[\w.-]{{0,20}}+{_EQUALS})["'`]?([A-Za-z0-9/+]{{40}})(?![\w/+=])"""
        ),
    ),
    Family("Azure storage key", ("accountkey=",), re.compile(r"(?i:accountkey=)([A-Za-z0-9+/]{86}==)")),
    Family(
        "authorization header",
        ("bearer ", "basic "),
        re.compile(r"(?i:bearer|basic) {1,4}+([A-Za-z0-9._~+/-]{16,4000}+={0,2}+)"),
        "assignment",
    ),
    Family(
        "password",
        ("passw", "passphrase", "pwd", "secret", "token", "credential", "key"),
        # A quoted value anywhere; a bare one only where it ends the line, as in settings files.
        re.compile(
            rf"""(?i:{_ASSIGNED}{_EQUALS})"""
            r"""(?:["'`]([^\s"'`]{8,200}+)["'`]|([\w+/=!@\#%^&*~-]{12,200}+)[ \t\r]*+$)""",
            re.MULTILINE,
        ),
        "assignment",
    ),
)


def _by_last_character(families: tuple[Family, ...]) -> dict[str, tuple[tuple[str, Family], ...]]:
    starts = [(start, family) for family in families for start in family.starts]
    return {last: tuple(pair for pair in starts if pair[0][-1] == last) for last in {start[-1] for start, _ in starts}}


# Most lines have no "_", and one look for it saves twenty (measured: 9 µs a line down to 6).
_EXACT_STARTS = _by_last_character(FAMILIES)
_ANY_CASE_STARTS = tuple((start, family) for family in ASSIGNMENTS for start in family.starts)
