"""The findings on a contract that has a text: each where it stands, in the text's order."""

from collections.abc import Mapping

import msgspec

from placet.kernel.principal import Environment
from placet.policy.checks.check import check_contract
from placet.policy.finding import Finding, Strength
from placet.policy.text.parse import Located, locate


def check_located(
    located: Located,
    environment: Environment | None = None,
    strength: Mapping[str, Strength] | None = None,
) -> list[Finding]:
    """Return what `check_contract` finds, with line, column and file, in the text's order.

    A finding on a pair stands at the later of the two, as they are written.
    """
    findings = locate(check_contract(located.contract, environment, strength), located)
    order = {file: index for index, file in enumerate(located.files)}

    def place(finding: Finding) -> tuple[int, int, int]:
        return order.get(finding.file or "", 0), finding.line or 0, finding.column or 0

    turned = locate([_turned(finding) for finding in findings], located)
    return sorted((max(pair, key=place) for pair in zip(findings, turned, strict=True)), key=place)


def _turned(finding: Finding) -> Finding:
    """Return a finding on a pair the other way round."""
    if finding.related is None:
        return finding
    return msgspec.structs.replace(finding, path=finding.related, related=finding.path)
