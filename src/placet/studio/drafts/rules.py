"""What a command makes of a contract."""

from typing import Final, assert_never, cast

import msgspec
from msgspec.structs import replace

from placet.kernel import foreign
from placet.kernel.canonical import canonical
from placet.kernel.foreign import ForeignJsonError, Json
from placet.kernel.hashing import DIGEST_BYTES, digest
from placet.policy.finding import Finding, Severity
from placet.policy.text.document import contract_document
from placet.policy.text.parse import read_contract
from placet.studio.drafts.model import (
    DOCUMENT_BYTES_MAX,
    Command,
    CommandHeader,
    CommandType,
    Comment,
    ContractInvalid,
    ImportContract,
    RemoveToolContract,
    SetSession,
    SetToolContract,
)

NO_HISTORY: Final = bytes(DIGEST_BYTES)
_STAND_IN: Final[Json] = {
    "tool": "stand_in",
    "side_effect": "read",
    "evidence_class": "ack_only",
    "commit_requirement": "none",
}
"""A contract has a tool and a draft may have none yet: this one lets its other parts be read."""

Document = dict[str, Json]


def empty_document(agent: str) -> bytes:
    """Return what a draft without a parent begins with: no tools, nothing for the session."""
    return foreign.encode({"schema_version": "1", "agent": agent, "tools": []})


def decide_command(document: bytes, agent: str, command: Command) -> tuple[bytes, bytes]:
    """Return the document after a command, and the command as it is kept.

    Refuses `contract_invalid` when the piece cannot be read, names another agent, is not there to
    be removed, or makes the whole larger than 1 MiB.
    """
    before = cast("Document", foreign.parse(document))
    after, kept = _applied(before, agent, command)
    encoded = foreign.encode(after)
    if len(encoded) > DOCUMENT_BYTES_MAX:
        raise _invalid(
            code="contract_too_large", path="$", message="the contract is larger than 1 MiB"
        )
    return encoded, foreign.encode({"type": type_of(command).value, **kept})


def type_of(command: Command) -> CommandType:
    """Return the type of a command."""
    match command:
        case SetSession():
            return CommandType.SET_SESSION
        case SetToolContract():
            return CommandType.SET_TOOL_CONTRACT
        case RemoveToolContract():
            return CommandType.REMOVE_TOOL_CONTRACT
        case ImportContract():
            return CommandType.IMPORT_CONTRACT
        case Comment():
            return CommandType.COMMENT
    assert_never(command)


def chain_hash(previous: bytes, payload: bytes, header: CommandHeader) -> bytes:
    """Return the chain hash of a command that follows `previous`."""
    return digest("draft_command", previous, digest("draft_payload", payload), canonical(header))


def _applied(before: Document, agent: str, command: Command) -> tuple[Document, Document]:
    """Return the document after a command, and the fields that the command set."""
    match command:
        case SetSession(session=raw):
            session = _read(agent, raw, "session").get("session", {})
            return {**before, "session": session}, {"session": session}
        case SetToolContract(tool=raw):
            (tool,) = _tools(_read(agent, raw, "tool"))
            return {**before, "tools": _with(_tools(before), tool)}, {"tool": tool}
        case RemoveToolContract(tool=name):
            tools = [tool for tool in _tools(before) if tool["tool"] != name]
            if len(tools) == len(_tools(before)):
                raise _invalid(
                    code="unknown_tool", path="$.tool", message=f"the draft has no tool `{name}`"
                )
            return {**before, "tools": cast("Json", tools)}, {"tool": name}
        case ImportContract(contract=raw):
            contract = _read(agent, raw, "contract")
            return contract, {"contract": contract}
        case Comment(text=text, target=target):
            return before, {"text": text, "target": target}
    assert_never(command)


def _read(agent: str, raw: msgspec.Raw, field: str) -> Document:
    """Return the contract that a command's piece is, or makes with what it needs round it."""
    piece = _parsed(raw, field)
    whole: Json
    match field:
        case "session":
            whole = _whole(agent, piece, _STAND_IN)
        case "tool":
            whole = _whole(agent, {}, piece)
        case _:
            whole = piece
    contract = read_contract(whole)
    if isinstance(contract, list):
        findings = [replace(found, path=_moved(found.path, field)) for found in contract]
        raise ContractInvalid(
            detail=f"`{field}` cannot be read: {findings[0].message}", findings=findings
        )
    if contract.agent != agent:
        raise _invalid(
            code="wrong_agent",
            path="$.contract.agent",
            message=f"the workspace is for the agent `{agent}`",
        )
    return cast("Document", contract_document(contract))


def _parsed(raw: msgspec.Raw, field: str) -> Json:
    try:
        return foreign.parse(bytes(raw))
    except ForeignJsonError as fault:
        raise _invalid(code="malformed_json", path=f"$.{field}", message=fault.message) from fault


def _whole(agent: str, session: Json, tool: Json) -> Document:
    return {"schema_version": "1", "agent": agent, "session": session, "tools": [tool]}


def _moved(path: str, field: str) -> str:
    """Return a finding's path as it stands in the command instead of in a contract."""
    if field == "contract":
        return "$.contract" + path.removeprefix("$")
    return path.replace("$.tools[0]", "$.tool", 1)


def _tools(document: Document) -> list[Document]:
    return cast("list[Document]", document["tools"])


def _with(tools: list[Document], tool: Document) -> Json:
    """Return the tools with this one in the place of its namesake, or at the end."""
    names = [known["tool"] for known in tools]
    if tool["tool"] not in names:
        return cast("Json", [*tools, tool])
    return cast("Json", [tool if known["tool"] == tool["tool"] else known for known in tools])


def _invalid(*, code: str, path: str, message: str) -> ContractInvalid:
    finding = Finding(code=code, severity=Severity.ERROR, path=path, message=message)
    return ContractInvalid(detail=message, findings=[finding])
