"""Requests that are understood and cannot be accepted: each with the refusal that it must get."""

import base64
import json
from dataclasses import dataclass
from typing import Any, Final

from tests.server.routes_asked import AUTHORITY, BOUND, HASH, SESSION, STUDIO, TENANCY


@dataclass(frozen=True)
class Refused:
    """A request that is understood and cannot be accepted."""

    what: str
    path: str
    body: dict[str, Any]
    status: int
    code: str
    key: str = "admin"
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"


KEYS_REFUSED: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("a scope beyond the roles", "%actor%", {"scopes": ["admin"]}),
    ("the scope to approve", "%actor%", {"scopes": ["approve"]}),
    ("a scope twice", "%actor%", {"scopes": ["read", "read"]}),
    ("a disabled actor", "%disabled_actor%", {"scopes": ["read"]}),
    ("a runtime key for anything", "%agent%", {"scopes": ["runtime"]}),
    ("a runtime key for any environment", "%agent%", {"scopes": ["runtime"], "agent": "desk"}),
    ("an agent that approves", "%agent%", {"scopes": ["approve"]}),
    *(
        (f"an expiry of {at}", "%actor%", {"scopes": ["read"], "expires_at": at})
        for at in (
            "2001-01-01T00:00:00Z",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
        )
    ),
)

STRANGERS: Final = (("nobody", "%nobody%"), ("a stranger", "%foreign_actor%"))

DRAFT: Final = f"{STUDIO}/drafts/%draft%"
SMALL_ORDER: Final = base64.b64encode(b"\x01" + bytes(31)).decode()
PROOF: Final = base64.b64encode(b"{}").decode()

STUDIO_REFUSED: Final = (
    Refused(
        "a stale version",
        f"{DRAFT}/commands",
        {"expected_draft_version": 0, "command": {"type": "comment", "text": "x"}},
        409,
        "draft_version_conflict",
    ),
    Refused(
        "a version that is not yet",
        f"{DRAFT}/snapshots",
        {"expected_draft_version": 99},
        409,
        "draft_version_conflict",
    ),
    *(
        Refused(
            f"a contract piece that is {what}",
            f"{DRAFT}/commands",
            {"expected_draft_version": 1, "command": command},
            422,
            "contract_invalid",
        )
        for what, command in (
            ("a text", {"type": "import_contract", "contract": "x"}),
            ("empty", {"type": "import_contract", "contract": {}}),
            ("of no tool", {"type": "set_tool_contract", "tool": {"side_effect": "read"}}),
            ("of unknown keys", {"type": "set_tool_contract", "tool": {"tool": "t", "magic": 1}}),
            ("no session", {"type": "set_session", "session": {"phases": "x"}}),
        )
    ),
    Refused(
        "a shadow beside nothing",
        f"{STUDIO}/snapshots/%snapshot%/shadow",
        {},
        409,
        "nothing_in_force",
    ),
    Refused(
        "the end of a shadow that never was",
        f"{STUDIO}/snapshots/%snapshot%/shadow/stop",
        {},
        404,
        "shadow_not_found",
    ),
    Refused(
        "a rebase on what is not active",
        f"{DRAFT}/commands",
        {
            "expected_draft_version": 1,
            "command": {"type": "rebase", "approval_id": "%approval%"},
        },
        409,
        "rebase_target_moved",
    ),
    Refused(
        "an artifact of another agent",
        f"{DRAFT}/commands",
        {
            "expected_draft_version": 1,
            "command": {"type": "import_artifact", "approval_id": "%approval%"},
        },
        422,
        "contract_invalid",
    ),
    Refused(
        "a stranger's approval",
        f"{DRAFT}/commands",
        {
            "expected_draft_version": 1,
            "command": {"type": "import_artifact", "approval_id": "%foreign_approval%"},
        },
        404,
        "approval_not_found",
    ),
    Refused(
        "an approval of another workspace to revoke",
        f"{STUDIO}/approvals/%approval%/revoke",
        {"reason": "wrong"},
        403,
        "revocation_not_allowed",
        key="approver",
    ),
    Refused(
        "a comment that is none",
        f"{DRAFT}/commands",
        {
            "expected_draft_version": 1,
            "command": {"type": "resolve_comment", "command_id": "%nobody%"},
        },
        404,
        "comment_not_found",
    ),
    *(
        Refused(
            f"base64 that is {what}",
            f"{STUDIO}/workspaces/%workspace%/sources",
            {
                "kind": "manual_note",
                "title": "Refunds",
                "media_type": "text",
                "content": content,
                "encoding": "base64",
                "provenance": {"origin": "the refund team"},
            },
            422,
            "source_unreadable",
        )
        for what, content in (("a text", "a text"), ("cut", "QUJ"), ("no ASCII", "ä"))
    ),
    Refused("an open draft", f"{STUDIO}/workspaces/%third%/drafts", {}, 409, "draft_already_open"),
    Refused(
        "an agent that has one",
        f"{STUDIO}/workspaces",
        {"agent": "second-desk", "environment": "staging"},
        409,
        "workspace_exists",
    ),
    *(
        Refused(
            f"an approver who is {what}",
            f"{STUDIO}/workspaces",
            {
                "agent": "new-desk",
                "environment": "staging",
                "approvers": [{"actor_id": who, "public_key": SMALL_ORDER, "proof": PROOF}],
            },
            status,
            code,
        )
        for what, who, status, code in (
            ("known by a key of small order", "%actor%", 422, "enrolment_refused"),
            ("of another tenant", "%foreign_actor%", 422, "enrolment_refused"),
            ("nobody", "%nobody%", 422, "enrolment_refused"),
        )
    ),
    *(
        Refused(
            f"an enrolment over a challenge of nobody, {what}",
            f"{AUTHORITY}/enrolments",
            {
                "workspace_id": where,
                "challenge_id": "%nobody%",
                "public_key": SMALL_ORDER,
                "proof": PROOF,
            },
            status,
            code,
        )
        for what, where, status, code in (
            ("here", "%workspace%", 422, "enrolment_refused"),
            ("nowhere", "%nobody%", 404, "workspace_not_found"),
            ("in a stranger's workspace", "%foreign_workspace%", 404, "workspace_not_found"),
        )
    ),
    *(
        Refused(
            f"a confirmation that is {what}",
            f"{AUTHORITY}/enrolments/%enrolment%/confirmations",
            {"envelope": envelope},
            422,
            "confirmation_refused",
            key="approver",
        )
        for what, envelope in (
            ("empty", {}),
            ("a vote on something else", "%good_envelope%"),
        )
    ),
    Refused(
        "the end of another's key",
        f"{AUTHORITY}/person-keys/%person_key%/revoke",
        {"reason": "x"},
        403,
        "key_of_another",
        key="viewer",
    ),
    Refused(
        "a group that nobody is in",
        f"{STUDIO}/workspaces",
        {
            "agent": "grouped-desk",
            "environment": "staging",
            "approval_policy": {"groups": [{"name": "legal"}]},
        },
        422,
        "groups_refused",
    ),
    Refused(
        "the withdrawal of another's request",
        f"{STUDIO}/approval-requests/%request%/withdraw",
        {"reason": "x"},
        403,
        "withdrawal_not_allowed",
        key="approver",
    ),
    Refused(
        "the removal of an approver who is none",
        f"{STUDIO}/workspaces/%workspace%/approvers/%actor%/remove",
        {"reason": "x"},
        404,
        "approver_not_found",
    ),
    *(
        Refused(
            f"a snapshot of {what}",
            f"{STUDIO}/approval-requests",
            {"snapshot_id": which},
            404,
            "snapshot_not_found",
        )
        for what, which in (("nobody", "%nobody%"), ("a stranger", "%foreign_snapshot%"))
    ),
    *(
        Refused(
            f"an envelope that is {what}",
            f"{STUDIO}/approval-requests/{request}/votes",
            {"envelope": envelope},
            422,
            "approval_refused",
            key="approver",
        )
        for what, request, envelope in (
            ("empty", "%request%", {}),
            ("a text", "%request%", "x"),
            ("for another request", "%request%", "%good_envelope%"),
            ("signed by another key", "%voted_request%", "%stranger_envelope%"),
            ("over other bytes", "%voted_request%", "%changed_envelope%"),
        )
    ),
    Refused(
        "a plan of another agent",
        "/api/v1/governance/plan?agent=refund-desk&environment=staging",
        {},
        403,
        "key_bound_elsewhere",
        key="other_runtime",
        method="GET",
    ),
    Refused(
        "a plan of nobody",
        "/api/v1/governance/plan?agent=nobody&environment=staging",
        {},
        404,
        "plan_not_found",
        method="GET",
    ),
)

SETTLED_WRONGLY: Final[tuple[tuple[str, dict[str, Any], int, str], ...]] = (
    ("without an outcome", {}, 422, "outcome_not_final"),
    ("that leaves it open", {"outcome": "timed_out"}, 422, "outcome_not_final"),
    (
        "by a receipt and a read at once",
        {"receipt_id": "%nobody%", "reconciled_by": "%nobody%"},
        409,
        "evidence_too_weak",
    ),
    (
        "by a read of a call that nobody doubts",
        {"reconciled_by": "%nobody%"},
        409,
        "transition_not_allowed",
    ),
)

CALLS: Final = (("nobody's", "%nobody%"), ("a stranger's", "%foreign_call%"))
PREFLIGHT: Final = {"request_hash": HASH}


def _binding(**parts: object) -> str:
    """Return the header that these parts make, as the service would write it."""
    raw = json.dumps(parts, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _proposal(prepared: str, request_hash: str = HASH) -> dict[str, Any]:
    return {"prepared_request_id": prepared, "request_hash": request_hash, "tool_calls": []}


ASKING: Final = "/api/v1/replay/sessions/%asking%/calls/%asked_call%"
RUNTIME_REFUSED: Final = (
    Refused(
        "a claim of what nobody has approved",
        f"{ASKING}/claim",
        {"claim_id": "%nobody%"},
        409,
        "ask_open",
        "runtime",
        (("Placet-Binding", "%asking_binding%"),),
    ),
    Refused(
        "a claim of what waits for nobody",
        f"{SESSION}/calls/%call%/claim",
        {"claim_id": "%nobody%"},
        409,
        "ask_closed",
        "runtime",
        BOUND,
    ),
    *(
        Refused(
            f"{what} on an ask",
            f"{ASKING}/vote",
            {"envelope": envelope},
            422,
            "ask_refused",
            "approver",
        )
        for what, envelope in (
            ("no envelope", {}),
            ("a vote of another kind", "%good_envelope%"),
            ("a stranger's vote", "%stranger_envelope%"),
        )
    ),
    Refused(
        "an agent without a plan",
        "/api/v1/replay/sessions",
        {},
        409,
        "no_authority",
        key="other_runtime",
    ),
    Refused(
        "no binding", f"{SESSION}/preflight", PREFLIGHT, 400, "malformed_header", key="runtime"
    ),
    *(
        Refused(
            f"the binding {text[:90]}",
            f"{SESSION}/preflight",
            PREFLIGHT,
            400,
            "malformed_header",
            key="runtime",
            headers=(("Placet-Binding", text),),
        )
        for text in (
            "x",
            "ä",
            "=",
            _binding(),
            _binding(holder="h", epoch=1),
            _binding(holder="h", epoch="1", fence=1),
            _binding(holder="h", epoch=1, fence=1, more=1),
            _binding(holder="h", epoch=10**30, fence=1),
            _binding(holder="h", epoch=1, fence=2**63),
            _binding(holder="a\x00", epoch=1, fence=1),
        )
    ),
    *(
        Refused(
            f"a binding that is {what}",
            f"/api/v1/replay/sessions/{session}/preflight",
            PREFLIGHT,
            status,
            code,
            key="runtime",
            headers=(("Placet-Binding", binding),),
        )
        for what, session, binding, status, code in (
            ("old", "%stolen%", "%old_binding%", 409, "lease_lost"),
            ("another session's", "%session%", "%old_binding%", 409, "lease_lost"),
            ("a killed session's", "%killed%", "%killed_binding%", 410, "session_killed"),
            ("made up", "%session%", _binding(holder="h", epoch=1, fence=1), 409, "lease_lost"),
        )
    ),
    Refused(
        "another agent's key",
        f"{SESSION}/preflight",
        PREFLIGHT,
        404,
        "not_found",
        key="other_runtime",
        headers=BOUND,
    ),
    *(
        Refused(
            f"a prepared request that is {what}",
            f"{SESSION}/proposals",
            body,
            status,
            code,
            key="runtime",
            headers=BOUND,
        )
        for what, body, status, code in (
            ("used for another body", _proposal("%used%"), 409, "prepared_request_consumed"),
            ("nobody's", _proposal("%nobody%"), 404, "not_found"),
            ("a stranger's", _proposal("%foreign_prepared%"), 404, "not_found"),
            ("of another hash", _proposal("%prepared%", "cd" * 32), 409, "request_hash_mismatch"),
        )
    ),
    *(
        Refused(
            f"a lease for {what}",
            f"/api/v1/replay/sessions/{session}/lease",
            {"action": action, "holder": "h", "request_id": "%nobody%", "reason": reason},
            status,
            code,
            key=key,
        )
        for what, session, action, reason, status, code, key in (
            ("two", "%session%", "grant", None, 409, "lease_held", "runtime"),
            ("the dead", "%killed%", "grant", None, 410, "session_killed", "runtime"),
            ("a common thief", "%session%", "steal", "x", 403, "scope_missing", "runtime"),
            ("no reason", "%session%", "steal", None, 422, "reason_missing", "operator"),
        )
    ),
    *(
        Refused(
            f"closing {what}", f"{path}/close", {}, status, code, key="runtime", headers=binding
        )
        for what, path, binding, status, code in (
            ("without the lease", SESSION, (), 409, "lease_lost"),
            ("the dead", "/api/v1/replay/sessions/%killed%", (), 410, "session_killed"),
            ("no session", "/api/v1/replay/sessions/%nobody%", BOUND, 404, "not_found"),
        )
    ),
    *(
        Refused(
            f"a receipt for {what} call",
            f"{SESSION}/receipts",
            {"call_id": call, "idempotency_key": "k", "status": "failed", "arguments_hash": HASH},
            404,
            "not_found",
            key="runtime",
            headers=BOUND,
        )
        for what, call in CALLS
    ),
    *(
        Refused(
            f"a settlement of {what} call",
            f"{SESSION}/settlements",
            {"settlement_id": "%nobody%", "call_id": call, "outcome": "failed", "reason": "seen"},
            404,
            "not_found",
            key="operator",
        )
        for what, call in CALLS
    ),
    *(
        Refused(
            f"a settlement {what}",
            f"{SESSION}/settlements",
            {"settlement_id": "%nobody%", "call_id": "%call%", "reason": "seen"} | body,
            status,
            code,
            key="operator",
        )
        for what, body, status, code in SETTLED_WRONGLY
    ),
)

REFUSED: Final = (
    *(
        Refused(f"a role for {what}", f"{TENANCY}/role-grants", body, 404, "not_found")
        for what, who in STRANGERS
        for body in ({"actor_id": who, "role": "admin"},)
    ),
    *(
        Refused(f"a key for {what}", f"{TENANCY}/api-keys", body, 404, "not_found")
        for what, who in STRANGERS
        for body in ({"actor_id": who, "name": "k", "scopes": ["read"]},)
    ),
    *(
        Refused(what, f"{TENANCY}/api-keys", body | rest, 422, "api_key_refused")
        for what, who, rest in KEYS_REFUSED
        for body in ({"actor_id": who, "name": "k"},)
    ),
    Refused(
        "an idempotency key that stands for another request",
        f"{TENANCY}/actors",
        {"kind": "person", "name": "Ada"},
        409,
        "idempotency_conflict",
        headers=(("Idempotency-Key", "used-key"),),
    ),
    *STUDIO_REFUSED,
    *RUNTIME_REFUSED,
)
