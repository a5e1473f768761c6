"""What a contract allows that another one does not, told as findings."""

from collections.abc import Iterator

from placet.policy.checks.codes import CODES
from placet.policy.diff.change import Change, ChangeKind
from placet.policy.diff.contracts import diff_contracts
from placet.policy.finding import Finding
from placet.policy.model import Contract
from placet.policy.paths import path_text
from placet.policy.text.parse import Located, locate


def check_against(located: Located, other: Contract) -> list[Finding]:
    """Return what is wider than in another contract, and then what may be, where it now stands."""
    return locate(list(_wider(located.contract, other)), located)


def _wider(contract: Contract, other: Contract) -> Iterator[Finding]:
    for change in diff_contracts(other, contract):
        if change.kind is ChangeKind.WIDENED or change.may_widen:
            code = "widened" if change.kind is ChangeKind.WIDENED else "may_widen"
            yield Finding(
                code=code,
                severity=CODES[code].severity,
                path=change.path if change.after is not None else _gone(change, contract),
                message=change.text,
                hint="approve it only if it is meant",
            )


def _gone(change: Change, contract: Contract) -> str:
    """Return the place in a contract that a rule was taken out of: its tool, or the session."""
    names = [tool.tool for tool in contract.tools]
    if change.tool is not None and change.tool in names:
        return path_text(("tools", names.index(change.tool)))
    return path_text(("session",))
