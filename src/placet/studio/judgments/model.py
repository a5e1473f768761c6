"""A judgment, and why an answer to one is refused."""

from enum import StrEnum

from placet.kernel.refusals import Conflict, Invalid, NotFound
from placet.kernel.value import Value
from placet.policy.finding import Severity
from placet.studio.drafts.grounds.model import JudgmentId
from placet.studio.drafts.standing import Said


class JudgmentStatus(StrEnum):
    """Whether a question was answered."""

    OPEN = "open"
    RESOLVED = "resolved"


class Judgment(Value, frozen=True):
    """One question about a draft.

    `place` names the tool or the part of the session that it is about, `path` where exactly it
    stands in the contract, null for what stems from a source. `answer` is the command that resolved
    it, null while it is open.
    """

    judgment_id: JudgmentId
    code: str
    severity: Severity
    place: str
    path: str | None
    message: str
    hint: str
    status: JudgmentStatus
    answer: Said | None


class JudgmentNotFound(NotFound):
    """The draft does not raise this question."""

    hint = "read the draft's review: a question is asked anew when what it is about has changed"


class JudgmentAnswered(Conflict):
    """The question is answered already."""

    hint = "reopen it first"


class JudgmentOpen(Conflict):
    """The question is open."""

    hint = "there is nothing to reopen; resolve it"


class ReasonRequired(Invalid):
    """This command needs a reason."""

    hint = "give `reason` beside the command"
