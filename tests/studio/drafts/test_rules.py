"""What a command makes of a contract, without a database."""

import json
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace
from tests.studio.story import AGENT, LOOKUP, REFUND, contract, importing, raw

from placet.kernel.hashing import digest
from placet.kernel.ids import ActorId, TenantId
from placet.policy.finding import Severity
from placet.studio.drafts import rules
from placet.studio.drafts.model import (
    Command,
    CommandHeader,
    CommandOrigin,
    CommandType,
    Comment,
    ContractInvalid,
    DraftId,
    RemoveToolContract,
    SetSession,
    SetToolContract,
)
from placet.studio.workspaces.model import WorkspaceId

EMPTY = rules.empty_document(AGENT)
HEADER = CommandHeader(
    tenant_id=TenantId(UUID(int=1)),
    workspace_id=WorkspaceId(UUID(int=2)),
    draft_id=DraftId(UUID(int=3)),
    version=1,
    command_id=UUID(int=4),
    command_type=CommandType.COMMENT,
    actor_id=ActorId(UUID(int=5)),
    origin=CommandOrigin.API,
)


def after(*commands: Command) -> dict[str, Any]:
    document = EMPTY
    for command in commands:
        document, _ = rules.decide_command(document, AGENT, command)
    made: dict[str, Any] = json.loads(document)
    return made


def tool(value: object) -> SetToolContract:
    return SetToolContract(tool=raw(value))


def findings(command: Command) -> list[tuple[str, str]]:
    with pytest.raises(ContractInvalid) as refused:
        rules.decide_command(EMPTY, AGENT, command)
    assert {finding.severity for finding in refused.value.findings} == {Severity.ERROR}
    return [(finding.code, finding.path) for finding in refused.value.findings]


def test_a_tool_is_added_at_the_end_and_replaced_in_its_place() -> None:
    denied = LOOKUP | {"decision": "deny"}
    made = after(tool(LOOKUP), tool(REFUND), tool(denied))
    assert [(each["tool"], each["decision"]) for each in made["tools"]] == [
        ("lookup_order", "deny"),
        ("issue_refund", "allow"),
    ]


def test_a_removed_tool_is_gone_and_the_others_stay() -> None:
    made = after(tool(LOOKUP), tool(REFUND), RemoveToolContract(tool="lookup_order"))
    assert [each["tool"] for each in made["tools"]] == ["issue_refund"]


def test_the_session_is_set_whole_while_there_is_no_tool_yet() -> None:
    first = {"phases": [{"name": "intake", "initial": True}], "unmatched_tools": "ask"}
    second = {"gate": "strip_blocked"}
    assert after(SetSession(session=raw(first)))["session"] == first
    both = after(SetSession(session=raw(first)), SetSession(session=raw(second)))
    assert both["session"] == second
    assert both["tools"] == []


def test_an_import_replaces_everything() -> None:
    made = after(tool(LOOKUP), importing(contract(REFUND, gate="strip_partial")))
    assert [each["tool"] for each in made["tools"]] == ["issue_refund"]
    assert made["session"] == {"gate": "strip_partial"}


def test_a_comment_changes_nothing_and_is_kept() -> None:
    document, payload = rules.decide_command(EMPTY, AGENT, Comment(text="why?", target="x"))
    assert document == EMPTY
    assert json.loads(payload) == {"type": "comment", "text": "why?", "target": "x"}


def test_the_same_change_in_another_spelling_is_kept_in_the_same_bytes() -> None:
    spelled = raw(dict(reversed(LOOKUP.items())) | {"requires": [], "timeouts": {}})
    plain = rules.decide_command(EMPTY, AGENT, tool(LOOKUP))
    assert rules.decide_command(EMPTY, AGENT, SetToolContract(tool=spelled)) == plain


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (tool(LOOKUP | {"side_effect": "magic"}), "$.tool.side_effect"),
        (tool(LOOKUP | {"limits": 3}), "$.tool.limits"),
        (tool({"tool": "lookup_order"}), "$.tool.side_effect"),
        (tool([]), "$.tool"),
        (SetSession(session=raw({"gate": "open"})), "$.session.gate"),
        (SetSession(session=raw(None)), "$.session"),
        (importing(contract(LOOKUP) | {"tools": []}), "$.contract.tools"),
        (importing({"agent": AGENT}), "$.contract.tools"),
    ],
)
def test_a_piece_that_cannot_be_read_is_refused_where_it_stands(
    command: Command, path: str
) -> None:
    assert path in {where for _, where in findings(command)}


def test_a_contract_for_another_agent_is_refused() -> None:
    assert findings(importing(contract(agent="other"))) == [("wrong_agent", "$.contract.agent")]


def test_a_tool_that_is_not_there_cannot_be_removed() -> None:
    assert findings(RemoveToolContract(tool="lookup_order")) == [("unknown_tool", "$.tool")]


def test_a_contract_never_grows_beyond_its_limit() -> None:
    wide = {"type": "object", "description": "x" * 700_000}
    document, _ = rules.decide_command(EMPTY, AGENT, tool(LOOKUP | {"input_schema": wide}))
    with pytest.raises(ContractInvalid):
        rules.decide_command(document, AGENT, tool(REFUND | {"input_schema": wide}))


def test_the_chain_hash_covers_the_previous_the_payload_and_every_field_of_the_header() -> None:
    base = rules.chain_hash(rules.NO_HISTORY, b"{}", HEADER)
    others = [
        rules.chain_hash(bytes(31) + b"\x01", b"{}", HEADER),
        rules.chain_hash(rules.NO_HISTORY, b"[]", HEADER),
        *(
            rules.chain_hash(rules.NO_HISTORY, b"{}", replace(HEADER, **{name: value}))
            for name, value in {
                "tenant_id": UUID(int=9),
                "workspace_id": UUID(int=9),
                "draft_id": UUID(int=9),
                "version": 2,
                "command_id": UUID(int=9),
                "command_type": CommandType.SET_SESSION,
                "actor_id": UUID(int=9),
                "origin": CommandOrigin.STUDIO_UI,
            }.items()
        ),
    ]
    assert len({base, *others}) == len(others) + 1


def test_the_chain_hash_is_made_as_the_page_says() -> None:
    header = (
        b'{"actor_id":"00000000-0000-0000-0000-000000000005"'
        b',"command_id":"00000000-0000-0000-0000-000000000004","command_type":"comment"'
        b',"draft_id":"00000000-0000-0000-0000-000000000003","origin":"api"'
        b',"tenant_id":"00000000-0000-0000-0000-000000000001","version":1'
        b',"workspace_id":"00000000-0000-0000-0000-000000000002"}'
    )
    expected = digest("draft_command", bytes(32), digest("draft_payload", b"{}"), header)
    assert rules.chain_hash(rules.NO_HISTORY, b"{}", HEADER) == expected
