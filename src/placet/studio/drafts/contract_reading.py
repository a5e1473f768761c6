"""Pieces of a contract, read by the policy's own reader."""

from typing import Final, cast

import msgspec
from msgspec.structs import replace

from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError, Json
from placet.policy.finding import Finding, Severity
from placet.policy.text.document import contract_document
from placet.policy.text.parse import read_contract
from placet.studio.drafts.model import Command, CommandType, ContractInvalid
from placet.studio.drafts.places import Document

STAND_IN: Final[Json] = {
    "tool": "stand_in",
    "side_effect": "read",
    "evidence_class": "ack_only",
    "commit_requirement": "none",
}
"""A contract has a tool and a draft may have none yet: this one lets its other parts be read."""


def type_of(command: Command) -> CommandType:
    """Return the type of a command."""
    return CommandType(cast("str", type(command).__struct_config__.tag))


def parsed(raw: msgspec.Raw, field: str) -> Json:
    """Return the JSON of one field. Refuses `contract_invalid`."""
    try:
        return foreign.parse(bytes(raw))
    except ForeignJsonError as fault:
        raise invalid(code="malformed_json", path=f"$.{field}", message=fault.message) from fault


def invalid(*, code: str, path: str, message: str) -> ContractInvalid:
    """Return the refusal of a command for one thing that is wrong with it."""
    finding = Finding(code=code, severity=Severity.ERROR, path=path, message=message)
    return ContractInvalid(detail=message, findings=[finding])


def whole_of(agent: str, session: Json, tool: Json) -> Document:
    """Return a contract of these two parts, not yet read."""
    return {"schema_version": "1", "agent": agent, "session": session, "tools": [tool]}


def read_whole(agent: str, whole: Json, stands: str, sent: str) -> Document:
    """Return a contract read by the policy. A finding at `stands` is told at `sent`.

    Refuses `contract_invalid`.
    """
    contract = read_contract(whole)
    if isinstance(contract, list):
        findings = [replace(found, path=_moved(found.path, stands, sent)) for found in contract]
        field = sent.removeprefix("$.")
        raise ContractInvalid(
            detail=f"`{field}` cannot be read: {findings[0].message}", findings=findings
        )
    if contract.agent != agent:
        raise invalid(
            code="wrong_agent",
            path=f"{sent}.agent",
            message=f"the workspace is for the agent `{agent}`",
        )
    return cast("Document", contract_document(contract))


def _moved(path: str, stands: str, sent: str) -> str:
    """Return a finding's path as it stands in the command instead of in a contract."""
    return sent + path.removeprefix(stands) if path.startswith(stands) else sent
