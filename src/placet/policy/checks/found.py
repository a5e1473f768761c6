"""Makers of findings about a contract that is well-formed."""

from placet.policy.finding import Finding, Severity
from placet.policy.model import Contract, ToolContract
from placet.policy.paths import path_text
from placet.policy.text.tree import Steps


def found(  # noqa: PLR0913 -- a finding has that many parts, and all but the first four are rare
    code: str,
    steps: Steps,
    message: str,
    hint: str = "",
    *,
    severity: Severity = Severity.ERROR,
    related: Steps | None = None,
) -> Finding:
    """Return a finding that stands at `steps` of the document."""
    return Finding(
        code=code,
        severity=severity,
        path=path_text(steps),
        message=message,
        hint=hint,
        related=None if related is None else path_text(related),
    )


def tools_of(contract: Contract) -> list[tuple[Steps, ToolContract]]:
    """Return each tool with the place where it stands."""
    return [(("tools", index), tool) for index, tool in enumerate(contract.tools)]
