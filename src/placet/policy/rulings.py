"""What a contract rules where it says nothing: its defaults, in one place."""

from typing import Final

from msgspec import UNSET

from placet.policy.model import Checkpoint, Contract, Ruling, SideEffect, Start, ToolContract

GRAVE: Final = frozenset({SideEffect.DESTRUCTIVE, SideEffect.ADMIN, SideEffect.FINANCIAL})
"""Side effects whose grants must be redeemed just before the tool runs, unless said otherwise."""


def ruling_of(contract: Contract, tool: ToolContract) -> tuple[Ruling, str]:
    """Return the ruling for a tool and the place that gives it; without any, it is `deny`."""
    if tool.decision is not UNSET:
        return tool.decision, f"tools.{tool.tool}.decision"
    default = contract.session.risk_defaults.get(tool.side_effect, Ruling.DENY)
    return default, f"session.risk_defaults.{tool.side_effect}"


def is_permitted(contract: Contract, tool: ToolContract) -> bool:
    """Say whether a tool can ever be called."""
    return ruling_of(contract, tool)[0] is not Ruling.DENY


def is_start_required(tool: ToolContract) -> bool:
    """Say whether a grant for this tool must be redeemed before it runs."""
    if tool.start is UNSET:
        return tool.side_effect in GRAVE
    return tool.start is Start.REQUIRED


def checkpoint_of(tool: ToolContract, ruling: Ruling) -> Checkpoint | None:
    """Return who must say yes; without a checkpoint of its own, an ask means one approver."""
    if tool.checkpoint is not UNSET:
        return tool.checkpoint
    return Checkpoint() if ruling is Ruling.ASK else None


def phases_of(contract: Contract, tool: ToolContract) -> tuple[str, ...] | None:
    """Return the phases that a tool is valid in, or None in a contract without phases.

    A tool that names none is valid in every phase that is not terminal.
    """
    if not contract.session.phases:
        return None
    if tool.phases is not UNSET:
        return tool.phases.valid_in
    return tuple(phase.name for phase in contract.session.phases if not phase.terminal)


def target_of(tool: ToolContract) -> str | None:
    """Return the phase that a commit of this tool leads to, or None when it moves nothing."""
    if tool.phases is UNSET or tool.phases.advances_to is UNSET:
        return None
    return tool.phases.advances_to
