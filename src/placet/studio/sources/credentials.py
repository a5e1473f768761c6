"""Secrets in a text: keys, tokens, passwords.

Every pattern is bounded or never gives back what it took, so that a hostile text costs time in
proportion to its length. What looks like a secret and is a name, a type or a placeholder is none.
"""

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from typing import Final

from placet.studio.sources.hits import Hit, View
from placet.studio.sources.model import FindingKind


class _Strength(Enum):
    """How surely a name is that of a secret."""

    PASSWORD = 1
    STRONG = 2
    WEAK = 3


_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY|PuTTY-User-Key-File-\d|AGE-SECRET-KEY-1[A-Z0-9]{20}"
)
_TOKENS: Final = tuple(
    (mark, re.compile(re.escape(mark) + rest))
    for mark, rest in (
        ("AKIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
        ("ASIA", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),
        ("AIza", r"[A-Za-z0-9_-]{35}"),
        ("SG.", r"[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+"),
        ("dop_v1_", r"[a-f0-9]{40,}+"),
        ("gho_", r"[A-Za-z0-9]{36,}+"),
        ("ghp_", r"[A-Za-z0-9]{36,}+"),
        ("ghr_", r"[A-Za-z0-9]{36,}+"),
        ("ghs_", r"[A-Za-z0-9]{36,}+"),
        ("ghu_", r"[A-Za-z0-9]{36,}+"),
        ("github_pat_", r"[A-Za-z0-9_]{22,}+"),
        ("glpat-", r"[A-Za-z0-9_-]{20,}+"),
        ("hf_", r"[A-Za-z0-9]{30,}+"),
        ("hooks.slack.com/services/", r"[A-Za-z0-9/]{20,}+"),
        ("npm_", r"[A-Za-z0-9]{36,}+"),
        ("pypi-", r"[A-Za-z0-9_-]{50,}+"),
        ("rk_live_", r"[A-Za-z0-9]{16,}+"),
        ("shpat_", r"[a-f0-9]{32}"),
        ("sk-", r"(?=[A-Za-z_-]{0,60}+[0-9])[A-Za-z0-9_-]{20,}+"),
        ("sk_live_", r"[A-Za-z0-9]{16,}+"),
        ("sk_test_", r"[A-Za-z0-9]{16,}+"),
        ("whsec_", r"[A-Za-z0-9+/=_-]{20,}+"),
        ("xapp-", r"[A-Za-z0-9-]{10,}+"),
        ("xoxb-", r"[A-Za-z0-9-]{10,}+"),
        ("xoxp-", r"[A-Za-z0-9-]{10,}+"),
        ("xoxs-", r"[A-Za-z0-9-]{10,}+"),
        ("ya29.", r"[A-Za-z0-9_-]{20,}+"),
    )
)
_OUR_KEY: Final = re.compile(r"plc_(?:dev|stg|prd|any)_[a-z2-7]{12}_[0-9A-Za-z]{49}")
_JWT_RUN: Final = re.compile(r"[A-Za-z0-9_-]++")
_JWT_TAIL: Final = re.compile(r"\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+")
_AUTHORIZATION: Final = re.compile(r"[ \t]{1,4}+([A-Za-z0-9._~+/-]{8,}+=*+)")
_ADDRESS: Final = re.compile(r""":/{2,4}+[^\s/?#@:"'<>\x00\x01]{0,128}+:([^\s/?#"'<>]{1,128})@""")
_NAMES: Final = (
    *((word, _Strength.PASSWORD, None) for word in ("password", "passwd", "passphrase", "pwd")),
    ("passcode", _Strength.PASSWORD, None),
    (
        "key",
        _Strength.STRONG,
        re.compile(r"(?:api[ _-]?|(?:access|secret|private|account|signing|master)[_-]?)\Z"),
    ),
    ("token", _Strength.STRONG, re.compile(r"(?:access|refresh|auth|bearer|session)[_-]?\Z")),
    ("secret", _Strength.STRONG, re.compile(r"(?:client|app|shared|webhook)[_-]?\Z")),
    ("credential", _Strength.WEAK, None),
)
_BEFORE: Final = 12
_VALUE: Final = re.compile(
    r"""s?[\x00\x01\\"'`*\])]{0,8}+
    (?:[ \t]{0,4}+(?P<sign>:=|=>|==?|:)[ \t]{0,8}+[*`_]{0,3}+[ \t]{0,4}+|(?P<xml>>))
    (?:[\x00\x01\\]++["'](?P<nested>[^"'\x00\x01\\\n]{1,256}+)
      |"(?P<double>(?:[^"\x01\n]|\x01"){1,256}+)
      |'(?P<single>[^'\n]{1,256}+)
      |(?P<bare>[^\s"'`<>&,;\x01]{1,256}+)(?P<end>[ \t\r]*+(?:\n|\Z))?)""",
    re.VERBOSE | re.ASCII,
)
_VALUE_MAX: Final = 256
REST: Final = {
    "nested": re.compile(r"""[^"'\x00\x01\\\n]*+"""),
    "double": re.compile(r"""(?:[^"\x01\n]|\x01")*+"""),
    "single": re.compile(r"""[^'\n]*+"""),
    "bare": re.compile(r"""[^\s"'`<>&,;\x01]*+"""),
}
"""What belongs to a value that is longer than is needed to judge it."""

_PLACEHOLDER: Final = re.compile(
    r"""(?is:\[redacted:\w+\]? | <.*>? | \$\{.*\}? | \$\(.*\)? | \$[a-z_]\w* | \{\{.*\}*
    | %\(?\w+\)?s?%? | x{3,} | \*+ | \.+ | _+ | -+
    | string|text|str|null|none|nil|true|false|required|optional|secret|passw(?:or)?d|pass|token
    | key|credentials?|change_?me|undefined|object|integer|number|boolean|hidden|redacted|masked
    | unset|empty|n/?a|example|placeholder|todo|value | (?:your|my|the|some)[_\ -].*
    | (?:process|os|env|config|settings|self|vars?|secrets|input)\.\w.* | getenv.* | environ.* )""",
    re.VERBOSE,
)
_DIGIT: Final = re.compile(r"[0-9]")
_RANDOM: Final = re.compile(r"[A-Za-z0-9+/_.~-]{16,}+=*+")
_ID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_PASSWORD_MIN: Final = 4
_PROSE_MIN: Final = 64
_STRONG_MIN: Final = 8
_SAMPLE: Final = 200
_BITS_MIN: Final = 3.2


def find_secrets(view: View) -> Iterator[Hit]:
    """Yield every secret in a text, in no order; two may overlap."""
    text = view.text
    for found in _PRIVATE_KEY.finditer(text):
        yield view.hit(found.start(), found.end(), FindingKind.PRIVATE_KEY)
    for mark, pattern in _TOKENS:
        for start, end in _marked(text, mark, pattern):
            yield view.hit(start, end, FindingKind.TOKEN)
    for start, end in _marked(text, "plc_", _OUR_KEY):
        yield view.hit(start, end, FindingKind.OUR_KEY)
    for start, end in _web_tokens(text):
        yield view.hit(start, end, FindingKind.JWT)
    yield from _authorised(view)
    for found in _ADDRESS.finditer(text):
        if not _PLACEHOLDER.fullmatch(found[1]):
            yield view.hit(found.start(1), found.end(1), FindingKind.PASSWORD)
    yield from _assigned(view)


def is_telling(value: str) -> bool:
    """Say whether a secret is so unlike a word that it is one wherever else it stands."""
    return len(value) >= _STRONG_MIN and not value.isalpha()


def _marked(text: str, mark: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    at = text.find(mark)
    while at >= 0:
        found = None if at and text[at - 1].isalnum() else pattern.match(text, at)
        after = at + 1
        if found is not None:
            yield found.span()
            after = found.end()
        at = text.find(mark, after)


def _web_tokens(text: str) -> Iterator[tuple[int, int]]:
    at = text.find("eyJ")
    while at >= 0:
        run = _JWT_RUN.match(text, at)
        after = run.end() if run else at + 1
        if tail := _JWT_TAIL.match(text, after):
            after = tail.end()
            yield at, after
        at = text.find("eyJ", after)


def _authorised(view: View) -> Iterator[Hit]:
    """Yield what stands behind the name of a scheme, as in an `Authorization` header."""
    for scheme in ("bearer", "basic"):
        for at in view.words(scheme):
            value = _AUTHORIZATION.match(view.text, at)
            if value is not None and _authorises(value[1], scheme):
                yield view.hit(*value.span(1), FindingKind.AUTHORIZATION)


def _authorises(value: str, scheme: str) -> bool:
    if scheme == "bearer":
        return _DIGIT.search(value) is not None
    try:
        return b":" in base64.b64decode(value, validate=True)
    except binascii.Error:
        return False


def _assigned(view: View) -> Iterator[Hit]:
    """Yield what is said to be the value of something that is called a secret."""
    runs = _Runs(view.text)
    for name, strength, before in _NAMES:
        for at in view.words(name):
            found = _VALUE.match(view.text, at)
            if found is None:
                continue
            own = strength
            if before is not None:
                start = at - len(name)
                is_strong = before.search(view.low[max(0, start - _BEFORE) : start]) is not None
                if name == "key" and not is_strong:
                    continue
                own = strength if is_strong else _Strength.WEAK
            if hit := _assignment(view, found, own, runs):
                yield hit


def _assignment(view: View, found: re.Match[str], strength: _Strength, runs: "_Runs") -> Hit | None:
    group = next(name for name in ("nested", "double", "single", "bare") if found[name])
    value = found[group]
    is_ended = True
    if group == "bare":
        value = value.rstrip(")]}.:*`\x00\\")
        is_ended = found["end"] is not None or found["sign"] != ":"
    kind = _kind_of(value, strength, is_ended=is_ended)
    if kind is None or _PLACEHOLDER.fullmatch(value):
        return None
    start, end = found.start(group), found.start(group) + len(value)
    if len(found[group]) >= _VALUE_MAX:
        end = runs.end(group, end)
    return view.hit(start, end, kind)


class _Runs:
    """Where the values of a text end that are longer than is needed to judge them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._last = dict.fromkeys(REST, (0, 0))

    def end(self, group: str, at: int) -> int:
        """Return the end of a value from somewhere within it."""
        start, end = self._last[group]
        if start < at <= end:
            # Many secrets may be said to begin within one value: it is read to its end once.
            return end
        rest = REST[group].match(self._text, at)
        end = rest.end() if rest else at
        self._last[group] = (at - 1, end)
        return end


def _kind_of(value: str, strength: _Strength, *, is_ended: bool) -> FindingKind | None:
    """Return what a value is that stands behind a telling name; None if it is no secret."""
    if strength is _Strength.PASSWORD:
        is_word = not is_ended and value.isalpha()
        is_prose = len(value) > _PROSE_MIN and " " in value
        is_short = len(value) < _PASSWORD_MIN
        return None if is_word or is_prose or is_short else FindingKind.PASSWORD
    if strength is _Strength.STRONG and len(value) >= _STRONG_MIN and " " not in value:
        is_telling_enough = _DIGIT.search(value) is not None or _is_random(value)
        return FindingKind.CREDENTIAL if is_telling_enough else None
    is_weak = _is_random(value) and _DIGIT.search(value) is not None
    return FindingKind.CREDENTIAL if is_weak else None


def _is_random(value: str) -> bool:
    """Say whether a value looks drawn by lot: long, mixed, and no id."""
    if not _RANDOM.fullmatch(value) or _ID.fullmatch(value):
        return False
    sample = value[:_SAMPLE]
    if sample.isdigit():
        return False
    shares = [count / len(sample) for count in Counter(sample).values()]
    return -sum(share * math.log2(share) for share in shares) >= _BITS_MIN
