"""Text to a contract, or to everything that is wrong with its form."""

import dataclasses
import re
from typing import Final, Literal, TypeAlias

import msgspec

from placet.policy.finding import Finding
from placet.policy.model import Contract
from placet.policy.text.bind import bind
from placet.policy.text.json_text import read_json
from placet.policy.text.tree import (
    BEGINNING,
    FINDINGS_MAX,
    TEXT_BYTES_MAX,
    VALUES_MAX,
    Node,
    TextError,
    error,
    place_of,
)
from placet.policy.text.values import grown

Form: TypeAlias = Literal["json", "yaml"]

_TOOL: Final = re.compile(r"\$\.tools\[(?P<index>[0-9]+)\]")


@dataclasses.dataclass(frozen=True, slots=True)
class Located:
    """A contract and the nodes it was made of, which know where each value stands.

    `files` are those of a directory: that of the session, then one for each tool in order. It is
    empty for a contract that is one document.
    """

    contract: Contract
    document: Node
    files: tuple[str, ...] = ()


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
        node, findings = read_text(text, form)
    except TextError as fault:
        return [fault.finding]
    contract = bind(node, Contract)
    if isinstance(contract, list):
        return in_order(findings, contract)
    return findings[:FINDINGS_MAX] or Located(contract, node)


def read_contract(document: object) -> Contract | list[Finding]:
    """Return the contract of decoded JSON, or findings without places."""
    try:
        return bind(grown(document), Contract)
    except TextError as fault:
        return [fault.finding]


def locate(findings: list[Finding], located: Located) -> list[Finding]:
    """Return findings of `check_contract` with the lines, columns and files of the text.

    What is absent from the text stands where the mapping begins that could have it.
    """
    return [_placed(finding, located) for finding in findings]


def _placed(finding: Finding, located: Located) -> Finding:
    line, column = place_of(located.document, finding.path) or (None, None)
    file = _file_of(finding.path, located.files)
    return msgspec.structs.replace(finding, line=line, column=column, file=file)


def _file_of(path: str, files: tuple[str, ...]) -> str | None:
    found = _TOOL.match(path)
    index = 0 if found is None else int(found["index"]) + 1
    return files[index] if index < len(files) else None


def in_order(of_text: list[Finding], of_form: list[Finding]) -> list[Finding]:
    """Return all findings on one text by place, and where two stand in one place the first."""
    told = {(finding.line, finding.column) for finding in of_text}
    more = [finding for finding in of_form if (finding.line, finding.column) not in told]
    return sorted([*of_text, *more], key=_order)[:FINDINGS_MAX]


def _order(finding: Finding) -> tuple[int, int]:
    return finding.line or 0, finding.column or 0


def read_text(text: bytes, form: Form, room: int = VALUES_MAX) -> tuple[Node, list[Finding]]:
    """Return the nodes of a text and what in it is not taken.

    It may hold as many values as there is `room`. Raises `TextError` for what cannot be read.
    """
    if len(text) > TEXT_BYTES_MAX:
        message = "the text has more than 1 MiB"
        raise TextError(error("too_large", (), BEGINNING, message))
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as fault:
        message = f"the text is not UTF-8 at byte {fault.start}"
        before = text[: fault.start].decode("utf-8")
        place = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise TextError(error("not_utf8", (), place, message)) from None
    if form == "json":
        return read_json(decoded, room)
    from placet.policy.text.yaml_text import read_yaml  # noqa: PLC0415 -- only where YAML is read

    return read_yaml(decoded, room)
