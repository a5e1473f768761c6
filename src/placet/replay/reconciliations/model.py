"""The read that would tell of an unknown call, and why one that was cited does not count."""

import dataclasses
from datetime import datetime
from enum import StrEnum

from placet.kernel.refusals import Conflict
from placet.kernel.value import Value


class ReadToAsk(Value, frozen=True):
    """The read that tells what became of an unknown call.

    `arguments` is its JSON text, null where it is made of what this key does not see, or where the
    call lacks a value that the rule names: then no read can tell. Only a read that is granted at
    `not_before` or later counts.
    """

    tool: str
    arguments: str | None
    not_before: datetime


class ReadFlaw(StrEnum):
    """Why a read tells nothing of a call."""

    NO_RULE = "no_rule"
    TOOL = "tool"
    ARGUMENTS = "arguments"
    TOO_EARLY = "too_early"
    NOT_SUCCEEDED = "not_succeeded"
    NO_OUTPUT = "no_output"
    DISPUTED = "disputed"
    OPPOSED = "opposed"


@dataclasses.dataclass(kw_only=True, eq=False)
class ReadRefused(Conflict):
    """The read that was cited does not tell what became of the call."""

    hint = "read the session's pending calls: an unknown one names the read that tells of it"
    reason: ReadFlaw
