"""Personal data in a text: addresses, numbers of phones, cards, accounts and people.

Numbers that carry check digits are only found when these are right. Every pattern is bounded, so
that a hostile text costs time in proportion to its length.
"""

import re
from collections.abc import Iterator
from typing import Final

from placet.studio.sources.hits import Hit, View
from placet.studio.sources.model import FindingKind

_DOMAIN: Final = re.compile(r"@([A-Za-z0-9-]{1,63}+(?:\.[A-Za-z0-9-]{1,63}+)++)")
_LOCAL: Final = re.compile(r"[\w.%+-]{1,64}+")
_LOCAL_MAX: Final = 64
_TOP_MIN: Final = 2
# A pattern that begins with what may come first, and then looks back, is found many times as fast.
_PHONE: Final = re.compile(r"\+(?<![\w.+-]\+)[1-9][0-9 ().\-/]{5,22}[0-9](?![\w-])", re.ASCII)
_NATIONAL_PHONE: Final = re.compile(
    r"[(2-9](?<![\w.-][(2-9])(?:(?<=\()[2-9]\d{2}\) ?|(?<!\()\d{2}[ .-])"
    r"[2-9]\d{2}[ .-]\d{4}(?![\w-])",
    re.ASCII,
)
_PHONE_WORDS: Final = ("phone", "mobile", "fax")
_NAMED_PHONE: Final = re.compile(
    r"""(?:[ _-]?(?i:number|no))?[\x01\\"'`*]{0,6}+[ \t]{0,4}+[:=]
    [ \t]{0,8}+[\x01\\"'`*]{0,6}+(\(?[0-9][0-9 ().\-/]{5,20}[0-9])(?![\w-])""",
    re.VERBOSE | re.ASCII,
)
_PHONE_DIGITS: Final = range(8, 16)
_NAMED_PHONE_DIGITS: Final = range(7, 16)
_NATIONAL_ID: Final = re.compile(
    r"[0-8](?<![\w-]\d)\d{2}(?<!000|666)-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])", re.ASCII
)
_CARD: Final = re.compile(
    r"[2-6](?<![\w.]\d)\d{3}[ -]?"
    r"(?:\d{4}[ -]?\d{4}[ -]?\d{4}(?:\d{3})?+|\d{6}[ -]?\d{5})(?!\w)",
    re.ASCII,
)
_IBAN_LENGTHS: Final = {
    country: length
    for length, countries in (
        (15, "NO"),
        (16, "BE"),
        (18, "DK FI FO GL NL"),
        (19, "MK SI"),
        (20, "AT BA EE KZ LT LU XK"),
        (21, "CH HR LI LV"),
        (22, "BG BH DE GB GE IE ME RS"),
        (23, "AE GI IL"),
        (24, "AD CZ ES MD PK RO SA SE SK TN VG"),
        (25, "PT"),
        (26, "IS TR"),
        (27, "FR GR IT MC SM"),
        (28, "AL AZ CY DO HU LB PL"),
        (29, "BR PS QA UA"),
        (30, "JO KW MU"),
        (31, "MT"),
    )
    for country in countries.split()
}
_IBAN: Final = re.compile(r"[A-Z](?<![A-Za-z0-9].)(?=([A-Z]\d{2}(?: ?[A-Z0-9]){11,27}+))")
_IBAN_DIGITS: Final = {ord("A") + index: str(10 + index) for index in range(26)}
_IBAN_REMAINDER: Final = 97
_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def find_personal(view: View) -> Iterator[Hit]:
    """Yield all personal data in a text, in no order; two may overlap."""
    text = view.text
    for start, end in _emails(text):
        yield view.hit(start, end, FindingKind.EMAIL)
    for start, end in _phones(view):
        yield view.hit(start, end, FindingKind.PHONE)
    for found in _NATIONAL_ID.finditer(text):
        yield view.hit(found.start(), found.end(), FindingKind.NATIONAL_ID)
    for found in _CARD.finditer(text):
        if _is_card(found[0]):
            yield view.hit(found.start(), found.end(), FindingKind.CARD)
    for found in _IBAN.finditer(text):
        if length := _iban_length(found[0] + found[1]):
            yield view.hit(found.start(), found.start() + length, FindingKind.IBAN)


def _emails(text: str) -> Iterator[tuple[int, int]]:
    for found in _DOMAIN.finditer(text):
        labels = found[1].split(".")
        while labels and not (labels[-1].isalpha() and len(labels[-1]) >= _TOP_MIN):
            labels.pop()
        at = found.start()
        local = _LOCAL.match(text[max(0, at - _LOCAL_MAX) : at][::-1])
        if len(labels) > 1 and local is not None:
            yield at - len(local[0]), at + 1 + len(".".join(labels))


def _phones(view: View) -> Iterator[tuple[int, int]]:
    for pattern in (_PHONE, _NATIONAL_PHONE):
        for found in pattern.finditer(view.text):
            if sum(char.isdigit() for char in found[0]) in _PHONE_DIGITS:
                yield found.span()
    for word in _PHONE_WORDS:
        for at in view.words(word):
            named = _NAMED_PHONE.match(view.text, at)
            if named and sum(char.isdigit() for char in named[1]) in _NAMED_PHONE_DIGITS:
                yield named.span(1)


def _is_card(text: str) -> bool:
    """Say whether the last digit is the check digit of the others (Luhn; ISO/IEC 7812-1)."""
    digits = [int(char) for char in reversed(text) if char.isdigit()]
    return (sum(digits[::2]) + sum(_DOUBLED[digit] for digit in digits[1::2])) % 10 == 0


def _iban_length(text: str) -> int:
    """Return how many characters of a text are an account number (ISO 13616), or 0 for none."""
    wanted = _IBAN_LENGTHS.get(text[:2], 0)
    compact = text.replace(" ", "")[:wanted]
    if not wanted or len(compact) < wanted:
        return 0
    number = int((compact[4:] + compact[:4]).translate(_IBAN_DIGITS))
    if number % _IBAN_REMAINDER != 1:
        return 0
    end = counted = 0
    while counted < wanted:
        counted += text[end] != " "
        end += 1
    return end
