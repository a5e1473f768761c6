"""Every route of the product: how it is asked rightly, and what about it can be wrong."""

from dataclasses import dataclass, field
from typing import Any, Final

STUDIO: Final = "/api/v1/studio"
AUTHORITY: Final = "/api/v1/authority"
TENANCY: Final = "/api/v1/tenancy"
SESSION: Final = "/api/v1/replay/sessions/%session%"
BOUND: Final = (("Placet-Binding", "%binding%"),)
HASH: Final = "ab" * 32


@dataclass(frozen=True)
class Route:
    """One route: how it is asked rightly, and what about it can be wrong.

    `body` is a good body as JSON values. `missing` names its required fields, `wrong` maps a field
    to values of wrong types or out of bounds. `key` opens the route; `denied` is a key that lives
    and lacks the scope. `queries` are bad ones. `thorough` asks for every bad body, not only for
    those that matter most.
    """

    method: str
    path: str
    body: dict[str, Any] | None = None
    missing: tuple[str, ...] = ()
    wrong: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    queries: tuple[str, ...] = ()
    keyed: bool = False
    key: str = "admin"
    denied: str = "runtime"
    headers: tuple[tuple[str, str], ...] = ()
    not_found: str = "not_found"
    thorough: bool = False


NAMES: Final[tuple[Any, ...]] = (None, 1, "", " ", "x" * 201, [], {}, "a\x00b")
UUIDS: Final[tuple[Any, ...]] = (None, 1, "", "x", "01990000-0000-7000-8000-00000000000", [], {})
IDS: Final[tuple[Any, ...]] = (None, "", "x", [])
TEXTS: Final[tuple[Any, ...]] = (None, 1, "", "x" * 2001, "a\x00b")
HASHES: Final[tuple[Any, ...]] = (None, 1, "", "ab", "zz" * 32, "AB" * 32, HASH + "\n")
VERSIONS: Final[tuple[Any, ...]] = (None, -1, "1", 1.5, 2**63, [])
TIMES: Final[tuple[Any, ...]] = (1, "", "tomorrow", "2030-01-01", "2030-01-01T00:00:00")

PAGES: Final = (
    "limit=0",
    "limit=-1",
    "limit=201",
    "limit=x",
    "limit=",
    "limit=1.5",
    "limit=99999999999999999999",
    "limit=1&limit=2",
    "limits=1",
    "cursor=",
    "cursor=x",
    "cursor=%FF",
    "cursor=%00",
    "cursor=W10",
    "cursor=WyJhIiwiYiJd",
    "cursor=eyJhIjoxfQ",
    "cursor=" + "A" * 600,
    "tenant_id=1",
)
PLANS: Final = (
    "",
    "agent=x",
    "environment=staging",
    "agent=&environment=staging",
    "agent=x&environment=prod",
    "agent=x&environment=staging&environment=staging",
    "agent=x&environment=staging&tenant_id=1",
    "agent=%00&environment=staging",
    "agent=" + "x" * 300 + "&environment=staging",
)
WAITS: Final = tuple(
    f"agent=x&environment=staging&wait={wait}" for wait in ("-1", "31", "x", "", "1.5", "9" * 30)
)
DESK: Final = "agent=refund-desk&environment=staging"
INSTANCES: Final = (*PLANS, *(f"{DESK}&{page}" for page in PAGES), f"{DESK}&cursor=WzFd")
AFTERS: Final = (
    "after=-1",
    "after=x",
    "after=99999999999999999999",
    "limit=0",
    "limit=9999",
    "x=1",
)

ROUTES: Final = (
    Route("GET", f"{TENANCY}/me", denied="", thorough=True),
    Route(
        "POST",
        f"{TENANCY}/actors",
        body={"kind": "person", "name": "Ada"},
        missing=("kind", "name"),
        wrong={"kind": (None, 1, "", "robot", "PERSON", ["person"]), "name": NAMES},
        keyed=True,
        thorough=True,
    ),
    Route("GET", f"{TENANCY}/actors", queries=PAGES),
    Route("POST", f"{TENANCY}/actors/%actor%/disable", keyed=True),
    Route(
        "POST",
        f"{TENANCY}/role-grants",
        body={"actor_id": "%actor%", "role": "viewer"},
        missing=("actor_id", "role"),
        wrong={
            "actor_id": UUIDS,
            "role": (None, 1, "", "king", ["viewer"]),
            "workspace_id": (1, "", "x", []),
        },
        keyed=True,
    ),
    Route(
        "POST",
        f"{TENANCY}/api-keys",
        body={"actor_id": "%actor%", "name": "k", "scopes": ["read"]},
        missing=("actor_id", "name", "scopes"),
        wrong={
            "actor_id": UUIDS,
            "name": NAMES,
            "scopes": (None, [], "read", ["fly"], [1], ["read"] * 99),
            "agent": (1, "", "a b", "-a", "a\n", "ä", "x" * 129),
            "environment": (1, "", "prod"),
            "expires_at": (*TIMES, "9" * 30),
            "claims": (None, 1, [], {"a": None}, {"a": 1.5}, {"a": []}, {"a": "x" * 257}),
        },
        keyed=True,
    ),
    Route("GET", f"{TENANCY}/api-keys", queries=PAGES),
    Route("POST", f"{TENANCY}/api-keys/%key_id%/revoke", keyed=True),
    Route("GET", "/api/v1/authority/keys", denied=""),
    Route(
        "POST",
        "/api/v1/authority/person-keys/%person_key%/revoke",
        body={"reason": "lost"},
        missing=("reason",),
        wrong={"reason": TEXTS},
        keyed=True,
    ),
    Route(
        "GET",
        f"/api/v1/authority/artifacts/{HASH}",
        denied="operate",
        queries=("approval_id=", "approval_id=x", "approval_id=%00", "tenant_id=1"),
    ),
    Route("POST", f"{AUTHORITY}/challenges", body={}, keyed=True),
    Route(
        "POST",
        f"{AUTHORITY}/enrolments",
        body={
            "workspace_id": "%workspace%",
            "challenge_id": "%nobody%",
            "public_key": "A" * 43 + "=",
            "proof": "e30=",
        },
        missing=("workspace_id", "challenge_id", "public_key", "proof"),
        wrong={
            "workspace_id": IDS,
            "challenge_id": IDS,
            "public_key": (None, 1, "", "AAAA", "A" * 44, "*" * 44),
            "proof": (None, 1, "", "e", "e30=" * 30_000),
            "groups": (None, 1, {}, [1], ["A b"], ["x" * 65], ["legal"] * 17),
        },
        keyed=True,
    ),
    Route("GET", f"{AUTHORITY}/enrolments", queries=PAGES),
    Route("GET", f"{AUTHORITY}/enrolments/%enrolment%", not_found="enrolment_not_found"),
    Route(
        "POST",
        f"{AUTHORITY}/enrolments/%enrolment%/confirmations",
        body={"envelope": {}},
        missing=("envelope",),
        keyed=True,
        key="approver",
        not_found="enrolment_not_found",
    ),
    Route(
        "POST",
        f"{STUDIO}/workspaces/%workspace%/approvers/%actor%/remove",
        body={"reason": "left"},
        missing=("reason",),
        wrong={"reason": TEXTS},
        keyed=True,
        not_found="workspace_not_found",
    ),
    Route(
        "POST",
        f"{STUDIO}/workspaces",
        body={"agent": "new-desk", "environment": "staging"},
        missing=("agent", "environment"),
        wrong={
            "agent": (None, 1, "", "a b", "a\n", "x" * 129),
            "environment": (None, "", "prod"),
            "enforcement": (1, "x"),
            "unplanned": (1, "x"),
            "approval_policy": (
                None,
                [],
                {"quorum": 0},
                {"quorum": 2**60},
                {"four_eyes": 1},
                {"groups": [{}]},
                {"groups": [{"name": "Legal\n"}]},
                {"groups": [{"name": "legal", "quorum": 0}]},
                {"groups": [{"name": "legal"}] * 17},
            ),
            "approvers": (None, {}, [{}], [None] * 3, [{"actor_id": "x"}]),
        },
        keyed=True,
    ),
    Route("GET", f"{STUDIO}/workspaces", queries=PAGES),
    Route("GET", f"{STUDIO}/workspaces/%workspace%", not_found="workspace_not_found"),
    Route(
        "POST",
        f"{STUDIO}/workspaces/%workspace%/drafts",
        body={},
        wrong={"parent_draft_id": (1, "", "x", []), "from_approval_id": (1, "", "x", [])},
        keyed=True,
        not_found="workspace_not_found",
    ),
    Route(
        "POST",
        f"{STUDIO}/workspaces/%workspace%/sources",
        body={
            "kind": "manual_note",
            "title": "Refunds",
            "media_type": "text",
            "content": "Within 30 days.",
            "provenance": {"origin": "the refund team"},
        },
        missing=("kind", "title", "media_type", "content", "provenance"),
        wrong={
            "kind": (None, 1, "", "rumour", []),
            "title": (None, 1, "", "x" * 201, [], "a\x00b"),
            "media_type": (None, "", "text/html"),
            "content": (None, 1, "", [], "a\x00b"),
            "encoding": (None, "", "hex"),
            "provenance": (
                None,
                "x",
                {},
                {"origin": ""},
                {"origin": "x", "more": 1},
                {"origin": "x", "reference": "x" * 2001},
                {"origin": "x", "captured_at": "tomorrow"},
            ),
        },
        keyed=True,
        not_found="workspace_not_found",
    ),
    Route(
        "GET",
        f"{STUDIO}/workspaces/%workspace%/sources",
        queries=PAGES,
        not_found="workspace_not_found",
    ),
    Route("GET", f"{STUDIO}/workspaces/%workspace%/readiness", not_found="workspace_not_found"),
    Route("GET", f"{STUDIO}/sources/%source%", not_found="source_not_found"),
    Route("GET", f"{STUDIO}/sources/%source%/content", not_found="source_not_found"),
    Route("GET", f"{STUDIO}/snapshots/%snapshot%", not_found="snapshot_not_found"),
    Route(
        "POST",
        f"{STUDIO}/snapshots/%snapshot%/impact",
        body={},
        wrong={
            "until": TIMES,
            "seconds": (None, 0, 59, -1, "60", 2**60),
            "calls_max": (None, 0, -1, "1", 20_001),
        },
        keyed=True,
        not_found="snapshot_not_found",
    ),
    Route("GET", f"{STUDIO}/snapshots/%snapshot%/impact", not_found="snapshot_not_found"),
    Route(
        "POST",
        f"{STUDIO}/snapshots/%snapshot%/shadow",
        keyed=True,
        not_found="snapshot_not_found",
    ),
    Route("GET", f"{STUDIO}/snapshots/%snapshot%/shadow", not_found="snapshot_not_found"),
    Route(
        "POST",
        f"{STUDIO}/snapshots/%snapshot%/shadow/stop",
        keyed=True,
        not_found="snapshot_not_found",
    ),
    Route(
        "POST",
        f"{STUDIO}/approval-requests",
        body={"snapshot_id": "%snapshot%"},
        missing=("snapshot_id",),
        wrong={
            "snapshot_id": IDS,
            "deadline_seconds": (None, 0, -1, "1", 2**60),
            "next_approval_policy": (1, "", [], {"quorum": 0}, {"groups": [{"name": "A b"}]}),
            "first_members": (None, 1, {}, [{}], [{"group": "legal", "key_id": "ab"}]),
        },
        keyed=True,
    ),
    Route("GET", f"{STUDIO}/approval-requests/%request%", not_found="request_not_found"),
    Route(
        "POST",
        f"{STUDIO}/approval-requests/%request%/withdraw",
        body={"reason": "a mistake"},
        missing=("reason",),
        wrong={"reason": TEXTS},
        keyed=True,
        key="approver",
        not_found="request_not_found",
    ),
    Route(
        "POST",
        f"{STUDIO}/workspaces/%workspace%/archive",
        body={"reason": "retired"},
        missing=("reason",),
        wrong={"reason": TEXTS},
        keyed=True,
        not_found="workspace_not_found",
    ),
    Route(
        "POST",
        f"{STUDIO}/approval-requests/%request%/votes",
        body={"envelope": {}},
        missing=("envelope",),
        wrong={"reason": (1, "", "x" * 5000)},
        keyed=True,
        key="approver",
        not_found="request_not_found",
    ),
    Route("GET", f"{STUDIO}/approval-requests/%request%/votes", not_found="request_not_found"),
    Route("GET", f"{STUDIO}/approvals/%approval%", not_found="approval_not_found"),
    Route("GET", f"{STUDIO}/approvals/%approval%/artifact", not_found="approval_not_found"),
    Route(
        "GET",
        f"{STUDIO}/workspaces/%workspace%/approvers",
        queries=PAGES,
        not_found="workspace_not_found",
    ),
    Route(
        "GET",
        f"{STUDIO}/workspaces/%workspace%/approval-requests",
        queries=(*PAGES, "status=", "status=closed", "status=open&status=granted"),
        not_found="workspace_not_found",
    ),
    Route(
        "GET",
        f"{STUDIO}/workspaces/%workspace%/approvals",
        queries=PAGES,
        not_found="workspace_not_found",
    ),
    Route(
        "POST",
        f"{STUDIO}/approvals/%approval%/revoke",
        body={"reason": "wrong"},
        missing=("reason",),
        wrong={"reason": TEXTS},
        keyed=True,
        not_found="approval_not_found",
    ),
    Route("GET", "/api/v1/governance/plan", denied="", queries=(*PLANS, *WAITS)),
    Route(
        "POST",
        "/api/v1/governance/attachments",
        body={"instance_id": "i-1", "status": "no_plan", "sdk_version": "1"},
        missing=("instance_id", "status", "sdk_version"),
        wrong={
            "instance_id": (None, 1, "", "a b", "a\n", "ä", "x" * 129),
            "status": (None, 1, "", "fine", ["no_plan"]),
            "sdk_version": (None, 1, "", "x" * 101, "ä", "1\n"),
            "compiled_hash": (1, "", "ab", "zz" * 32, HASH + "\n"),
            "reason": (1, "", "Some text", "x" * 65),
            "tools": (
                1,
                {},
                [None],
                [{}],
                [{"name": ""}],
                [{"name": "x" * 129}],
                [{"name": "t", "input_schema": "{}"}],
                [{"name": "t", "description": "x"}],
                [{"name": "t", "description_hash": "x"}],
                [{"name": "t"}] * 501,
            ),
        },
        key="runtime",
        denied="viewer",
    ),
    Route("GET", "/api/v1/governance/attachments", queries=INSTANCES),
    Route("GET", "/api/v1/governance/inventory", queries=INSTANCES),
    Route(
        "POST",
        "/api/v1/replay/sessions",
        body={},
        wrong={"mode": (1, "", "x", []), "assertion": (1, "", {}, "%")},
        keyed=True,
        key="runtime",
        denied="viewer",
    ),
    Route("GET", "/api/v1/replay/sessions", queries=PAGES),
    Route("GET", SESSION, denied="operate", queries=("include=all", "include=", "x=1")),
    Route(
        "POST",
        f"{SESSION}/lease",
        body={"action": "renew", "holder": "h", "request_id": "%nobody%"},
        missing=("action", "holder", "request_id"),
        wrong={
            "action": (None, "", "take"),
            "holder": (None, 1, "", "x" * 129, "a\x00"),
            "request_id": IDS,
            "ttl_seconds": (None, 0, 61, -1, 1.5, "15", 2**63),
            "reason": (1, "x" * 1001),
        },
        key="runtime",
        denied="viewer",
        headers=BOUND,
    ),
    Route(
        "POST",
        f"{SESSION}/preflight",
        body={"request_hash": HASH},
        missing=("request_hash",),
        wrong={
            "request_hash": HASHES,
            "model": (1, "x" * 201),
            "offered_tools": (None, "x", [1], [""], ["x" * 129], ["x"] * 1001),
        },
        key="runtime",
        denied="viewer",
        headers=BOUND,
    ),
    Route(
        "POST",
        f"{SESSION}/proposals",
        body={"prepared_request_id": "%prepared%", "request_hash": HASH, "tool_calls": []},
        missing=("prepared_request_id", "request_hash", "tool_calls"),
        wrong={
            "prepared_request_id": IDS,
            "request_hash": HASHES,
            "tool_calls": (
                None,
                {},
                [None],
                [{}],
                [{"id": "", "name": "t", "arguments": "{}"}],
                [{"id": "1", "name": "", "arguments": "{}"}],
                [{"id": "1", "name": "t", "arguments": {}}],
                [{"id": "1", "name": "t", "arguments": "{}", "more": 1}],
                [{"id": "1", "name": "t", "arguments": "{}"}] * 129,
            ),
        },
        key="runtime",
        denied="viewer",
        headers=BOUND,
        thorough=True,
    ),
    Route(
        "POST",
        f"{SESSION}/calls",
        body={"tool_calls": [{"id": "1", "name": "t", "arguments": "{}"}]},
        missing=("tool_calls",),
        wrong={
            "tool_calls": (
                None,
                [],
                [{}],
                [{"id": "1", "name": "t", "arguments": {}}],
                [{"id": "1", "name": "t", "arguments": "{}"}] * 2,
            )
        },
        keyed=True,
        key="runtime",
        denied="viewer",
        headers=BOUND,
    ),
    Route(
        "POST",
        f"{SESSION}/report-unguarded",
        body={"calls": 1},
        missing=("calls",),
        wrong={
            "calls": (None, 0, -1, 100_001, 1.5, "1"),
            "since": (1, "", "yesterday", "2026-01-01T00:00:00"),
        },
        keyed=True,
        key="runtime",
        denied="viewer",
    ),
    Route(
        "POST",
        f"{SESSION}/calls/%call%/start",
        body={"start_id": "%nobody%"},
        missing=("start_id",),
        wrong={"start_id": IDS},
        key="runtime",
        denied="viewer",
        headers=BOUND,
    ),
    Route(
        "POST",
        f"{SESSION}/calls/%call%/claim",
        body={"claim_id": "%nobody%"},
        missing=("claim_id",),
        wrong={"claim_id": IDS},
        key="runtime",
        denied="viewer",
        headers=BOUND,
    ),
    Route("GET", "/api/v1/replay/asks", queries=PAGES),
    Route("GET", f"{SESSION}/calls/%call%/ask"),
    Route(
        "GET",
        f"{SESSION}/calls/%call%",
        queries=("wait=-1", "wait=31", "wait=x", "wait=", "waits=1"),
        denied="operate",
    ),
    Route(
        "POST",
        f"{SESSION}/calls/%call%/vote",
        body={"envelope": {}},
        missing=("envelope",),
        keyed=True,
        key="approver",
    ),
    Route(
        "POST",
        f"{SESSION}/receipts",
        body={
            "call_id": "%call%",
            "idempotency_key": "k",
            "status": "succeeded",
            "arguments_hash": HASH,
        },
        missing=("call_id", "idempotency_key", "status", "arguments_hash"),
        wrong={
            "call_id": IDS,
            "idempotency_key": (None, 1, "", "x" * 201, "a\x00"),
            "status": (None, "", "maybe"),
            "arguments_hash": HASHES,
            "output": (1, {}),
            "external_ref": (1, "x" * 2001),
            "error": (1, "x" * 2001),
            "started_at": TIMES,
            "completed_at": TIMES,
        },
        key="runtime",
        denied="viewer",
        headers=BOUND,
    ),
    Route(
        "POST",
        f"{SESSION}/settlements",
        body={
            "settlement_id": "%nobody%",
            "call_id": "%call%",
            "outcome": "failed",
            "reason": "seen",
        },
        missing=("settlement_id", "call_id", "reason"),
        wrong={
            "settlement_id": IDS,
            "call_id": IDS,
            "outcome": (1, "", "maybe"),
            "reason": (None, 1, "", "x" * 1001, "a\x00"),
            "receipt_id": (1, "", "x"),
            "reconciled_by": (1, "", "x"),
        },
        key="operator",
        denied="viewer",
    ),
    Route(
        "POST",
        f"{SESSION}/kill",
        body={"reason": "enough"},
        missing=("reason",),
        wrong={"reason": (None, 1, "", "x" * 1001, "a\x00")},
        key="operator",
        denied="runtime",
    ),
    Route(
        "POST",
        f"{SESSION}/close",
        body={"reason": "it is done"},
        wrong={"reason": (1, "", "x" * 1001, "a\x00", [])},
        key="operator",
        denied="viewer",
    ),
    Route("GET", f"{SESSION}/events", denied="operate", queries=AFTERS),
    Route("GET", f"{SESSION}/bundle", denied="runtime"),
    Route("GET", "/api/v1/replay/bundle", denied="viewer"),
)
