"""What a tool may still do after a restore, until somebody has looked at what was lost.

Reads go on. A write may have been done already, in what nobody remembers, so that people are asked;
what pays, destroys or administers is denied, and so is a tool of which no contract says what it
does.
"""

from typing import Final

from placet.policy.decision import Code, Reason
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.model import Checkpoint, Ruling, SideEffect
from placet.policy.rulings import GRAVE

RULE: Final = "session.recovery"
_DETAIL: Final = "the database was restored, and nobody has looked at what was lost"


def is_denied(policy: Policy, name: str) -> bool:
    """Say whether a tool may not be called at all. One that is denied in any case is not told."""
    tool = policy.tools.get(name)
    if tool is None:
        return policy.unmatched_tools is not Ruling.DENY
    return tool.side_effect in GRAVE


def denied() -> Reason:
    """Layer 1: say that a restore keeps the tool from being called."""
    needs = "an operator who closes what was lost"
    return Reason(code=Code.RECOVERING, rule=RULE, detail=_DETAIL, needs=needs)


def checkpoint_of(tool: LoadedTool) -> Checkpoint | None:
    """Return who must say yes to a call meanwhile; None where nobody is asked for that."""
    if tool.side_effect is SideEffect.READ:
        return None
    return tool.checkpoint or Checkpoint()
