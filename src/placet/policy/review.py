"""The review projection: every rule as a sentence, for people who say yes or no to it.

People sign this, so it says everything that the contract does: two contracts with one review are
one contract.
"""

from placet.policy.model import Contract
from placet.policy.projection import COMPILER_VERSION, LIBRARIES
from placet.policy.sentences.line import Line
from placet.policy.sentences.session import session_lines
from placet.policy.sentences.tools import tool_lines


def review_document(contract: Contract) -> dict[str, object]:
    """Return every rule of a contract: where it stands, in which layer it acts, what it says.

    Raises `PathError` for a path that is none; a contract without errors has no such path.
    """
    lines = [*session_lines(contract)]
    for tool in contract.tools:
        lines += tool_lines(contract, tool)
    return {
        "agent": contract.agent,
        "compiler_version": COMPILER_VERSION,
        "libraries": LIBRARIES,
        "rules": [_rule(line) for line in lines],
        "schema_version": contract.schema_version,
    }


def _rule(line: Line) -> dict[str, object]:
    told: dict[str, object] = {"rule": line.rule, "layer": line.layer, "says": line.says}
    return told if line.tool is None else told | {"tool": line.tool}
