"""What a command makes of a contract."""

from collections.abc import Iterable
from typing import Final, cast

import msgspec

from placet.kernel import foreign
from placet.kernel.canonical import canonical
from placet.kernel.hashing import DIGEST_BYTES, digest
from placet.studio.drafts.contract_reading import invalid, type_of
from placet.studio.drafts.model import (
    DOCUMENT_BYTES_MAX,
    Brought,
    BusinessDraft,
    Command,
    CommandHeader,
    DraftAnswer,
)
from placet.studio.drafts.places import Document
from placet.studio.drafts.reading import kept_fields
from placet.studio.drafts.replaying import replay

NO_HISTORY: Final = bytes(DIGEST_BYTES)


def empty_document(agent: str) -> bytes:
    """Return what a draft without a parent begins with: no tools, nothing for the session."""
    return foreign.encode({"schema_version": "1", "agent": agent, "tools": []})


def agent_of(document: bytes) -> str:
    """Return the agent that a contract is for."""
    return cast("str", read_document(document)["agent"])


def decide_command(
    document: bytes,
    agent: str,
    command: Command,
    *,
    reason: str | None = None,
    found: Document | None = None,
) -> tuple[bytes, bytes]:
    """Return the document after a command, and the command as it is kept.

    `found` is what a command names, as it stands there, and is kept with it. Refuses
    `contract_invalid` when a piece cannot be read, names another agent, is not there to be removed
    or replaced, or makes the whole larger than 1 MiB.
    """
    before = read_document(document)
    payload: Document = {
        "type": type_of(command).value,
        **kept_fields(before, agent, command),
        **(found or {}),
    }
    if reason is not None:
        payload["reason"] = reason
    encoded = foreign.encode(replay(before, payload))
    if len(encoded) > DOCUMENT_BYTES_MAX:
        raise invalid(
            code="contract_too_large", path="$", message="the contract is larger than 1 MiB"
        )
    return encoded, foreign.encode(payload)


def brought_fields(brought: Brought) -> Document:
    """Return what a command that takes a contract from elsewhere is kept with."""
    return {
        "contract": read_document(brought.contract),
        "authors": [str(author) for author in sorted(brought.authors)],
    }


def replay_all(document: bytes, payloads: Iterable[bytes]) -> bytes:
    """Return the contract after these kept commands, in order."""
    contract = read_document(document)
    for payload in payloads:
        contract = replay(contract, read_document(payload))
    return foreign.encode(contract)


def read_document(document: bytes) -> Document:
    """Return the contract that a document of ours holds."""
    return cast("Document", foreign.parse(document))


def chain_hash(previous: bytes, payload: bytes, header: CommandHeader) -> bytes:
    """Return the chain hash of a command that follows `previous`."""
    return digest("draft_command", previous, digest("draft_payload", payload), canonical(header))


def shown(draft: BusinessDraft) -> DraftAnswer:
    """Return a draft as it is shown."""
    return DraftAnswer(
        draft_id=draft.draft_id,
        workspace_id=draft.workspace_id,
        status=draft.status,
        current_version=draft.current_version,
        active_snapshot_id=draft.active_snapshot_id,
        parent_draft_id=draft.parent_draft_id,
        derived_from_approval_id=draft.derived_from_approval_id,
        approval_id=draft.approval_id,
        contract=msgspec.Raw(draft.contract_json),
        command_history_hash=draft.command_head.hex(),
        created_by=draft.created_by,
        created_at=draft.created_at,
    )
