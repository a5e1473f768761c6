"""What a check of a contract says, and what it may be told of the tools' surroundings."""

from enum import StrEnum

from placet.kernel.value import Value


class Severity(StrEnum):
    """`error` and `blocker` stop an approval, `advisory` is recorded in it."""

    ERROR = "error"
    BLOCKER = "blocker"
    ADVISORY = "advisory"


class Finding(Value, frozen=True):
    """Something that is wrong with a contract, or worth saying.

    `path` is where it stands in the document (`$.tools[0].arguments[1].lte`), `related` the other
    place of a pair; `line` and `column` count from 1 and are null where there is no text.
    """

    code: str
    severity: Severity
    path: str
    message: str
    hint: str = ""
    line: int | None = None
    column: int | None = None
    file: str | None = None
    related: str | None = None


class Strength(StrEnum):
    """How hard it is for an agent to go around the governance of a tool."""

    COOPERATIVE = "cooperative"
    PROXIED = "proxied"
    VERIFIED = "verified"
