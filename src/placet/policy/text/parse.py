"""Text to a contract, or to everything that is wrong with its form."""

import dataclasses
from typing import Literal, TypeAlias

import msgspec

from placet.policy.finding import Finding
from placet.policy.model import Contract
from placet.policy.text.bind import bind
from placet.policy.text.json_text import read_json
from placet.policy.text.tree import (
    FINDINGS_MAX,
    TEXT_BYTES_MAX,
    Node,
    Place,
    TextError,
    error,
    grown,
    places,
)

Form: TypeAlias = Literal["json", "yaml"]


@dataclasses.dataclass(frozen=True, slots=True)
class Located:
    """A contract and where each value of it stands in its text, by path."""

    contract: Contract
    places: dict[str, Place]


def parse_contract(text: bytes, form: Form) -> Contract | list[Finding]:
    """Return the contract of a text, or the findings that keep it from being one.

    Findings here are about the form: what the text, its keys and its types must be. What a
    well-formed contract says wrongly is found by `check_contract`.
    """
    found = parse_located(text, form)
    return found.contract if isinstance(found, Located) else found


def parse_located(text: bytes, form: Form) -> Located | list[Finding]:
    """Return the contract of a text with the places of its values, or findings."""
    try:
        node, findings = _read(text, form)
    except TextError as fault:
        return [fault.finding]
    contract = bind(node, Contract)
    if isinstance(contract, list):
        told = {(finding.line, finding.column) for finding in findings}
        more = [finding for finding in contract if (finding.line, finding.column) not in told]
        return sorted([*findings, *more], key=_order)[:FINDINGS_MAX]
    return findings[:FINDINGS_MAX] or Located(contract, dict(places(node)))


def read_contract(document: object) -> Contract | list[Finding]:
    """Return the contract of decoded JSON, or findings without places."""
    try:
        return bind(grown(document), Contract)
    except (TypeError, RecursionError):
        return [error("malformed_json", (), None, "the document is no JSON")]


def locate(findings: list[Finding], located: Located) -> list[Finding]:
    """Return findings of `check_contract` with the lines and columns of the text."""
    return [_placed(finding, located) for finding in findings]


def _placed(finding: Finding, located: Located) -> Finding:
    place = located.places.get(finding.path)
    if place is None:
        return finding
    return msgspec.structs.replace(finding, line=place[0], column=place[1])


def _order(finding: Finding) -> tuple[int, int]:
    return finding.line or 0, finding.column or 0


def _read(text: bytes, form: Form) -> tuple[Node, list[Finding]]:
    if len(text) > TEXT_BYTES_MAX:
        message = "the text has more than 1 MiB"
        raise TextError(error("too_large", (), None, message))
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as fault:
        message = f"the text is not UTF-8 at byte {fault.start}"
        raise TextError(error("not_utf8", (), None, message)) from None
    if form == "json":
        return read_json(decoded)
    from placet.policy.text.yaml_text import read_yaml  # noqa: PLC0415 -- only where YAML is read

    return read_yaml(decoded)
