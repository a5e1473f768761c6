"""The routes of drafts: how each is asked rightly, and what can be wrong."""

from typing import Any, Final

from tests.server.refusals_asked import Refused
from tests.server.routes_asked import PAGES, STUDIO, TEXTS, VERSIONS, Route

WORKSPACE: Final = f"{STUDIO}/workspaces/%workspace%"
DRAFT: Final = f"{STUDIO}/drafts/%draft%"
GONE: Final = "draft_not_found"
NOBODYS: Final = "workspace_not_found"

DRAFT_ROUTES: Final = (
    Route("GET", DRAFT, not_found=GONE),
    Route("GET", f"{DRAFT}/blame", not_found=GONE),
    Route("GET", f"{DRAFT}/sources", not_found=GONE),
    Route("GET", f"{DRAFT}/review", not_found=GONE),
    Route(
        "GET",
        f"{DRAFT}/commands",
        queries=PAGES,
        not_found=GONE,
    ),
    Route("GET", f"{DRAFT}/commands/1", not_found=GONE),
    Route(
        "GET",
        f"{WORKSPACE}/drafts",
        queries=PAGES,
        not_found=NOBODYS,
    ),
    Route(
        "GET",
        f"{WORKSPACE}/snapshots",
        queries=PAGES,
        not_found=NOBODYS,
    ),
    Route(
        "GET",
        f"{DRAFT}/comments",
        queries=("place=", "place=" + "x" * 4001, "place=a&place=b", "limit=1", "tenant_id=1"),
        not_found=GONE,
    ),
    Route(
        "POST",
        f"{DRAFT}/commands",
        body={"expected_draft_version": 1, "command": {"type": "comment", "text": "x"}},
        missing=("expected_draft_version", "command"),
        wrong={
            "expected_draft_version": VERSIONS,
            "command": (
                None,
                [],
                {},
                {"type": "x"},
                {"type": "comment"},
                {"type": "comment", "text": ""},
                {"type": "comment", "text": "x", "more": 1},
                {"type": "remove_tool_contract", "tool": 1},
                {"type": "set_tool_contract"},
                {"type": "import_contract"},
                {"type": "comment", "text": "x", "target": "$"},
                {"type": "resolve_comment", "command_id": "x"},
                {"type": "rebase"},
                {"type": "restore_version", "version": -1},
                {"type": "restore_snapshot", "snapshot_id": 1},
                {"type": "import_artifact", "approval_id": None},
                {"type": "set_aggregate"},
                {"type": "remove_limit", "limit": "Max"},
                {"type": "remove_principal_rule", "rule_id": "AB" * 8},
                {"type": "add_source", "source_id": "x"},
                {"type": "resolve_judgment", "judgment_id": "AB" * 8},
                {"type": "accept_inferred_rule"},
                {"type": "set_risk_default", "side_effect": "magic", "ruling": "ask"},
            ),
            "reason": (1, "", "x" * 2001, "a\x00b"),
            "sources": (None, {}, ["x"], [{"source_id": "x", "part_id": "p1"}], [{}] * 51),
        },
        keyed=True,
        not_found=GONE,
        thorough=True,
    ),
    Route(
        "POST",
        f"{DRAFT}/inferred-rules",
        body={"expected_draft_version": 99},
        missing=("expected_draft_version",),
        wrong={"expected_draft_version": VERSIONS},
        keyed=True,
        not_found=GONE,
    ),
    Route(
        "GET",
        f"{DRAFT}/inferred-rules",
        queries=PAGES,
        not_found=GONE,
    ),
    Route(
        "POST",
        f"{DRAFT}/abandon",
        body={"expected_draft_version": 99, "reason": "x"},
        missing=("expected_draft_version", "reason"),
        wrong={"expected_draft_version": VERSIONS, "reason": TEXTS},
        keyed=True,
        not_found=GONE,
    ),
    Route(
        "POST",
        f"{DRAFT}/snapshots",
        body={"expected_draft_version": 1},
        missing=("expected_draft_version",),
        wrong={"expected_draft_version": VERSIONS},
        keyed=True,
        not_found=GONE,
    ),
)

SPAN: Final = {"source_id": "%snapshot%", "part_id": "p1"}
CHANGES: Final = f"{DRAFT}/commands"


def _refused(what: str, body: dict[str, Any], status: int, code: str) -> Refused:
    return Refused(what, CHANGES, {"expected_draft_version": 1} | body, status, code)


DRAFTS_REFUSED: Final = (
    _refused(
        "a source of nobody",
        {"command": {"type": "add_source", "source_id": "%draft%"}},
        404,
        "source_not_found",
    ),
    _refused(
        "a source that is not listed",
        {"command": {"type": "retire_source", "source_id": "%source%"}},
        422,
        "contract_invalid",
    ),
    _refused(
        "a span of nothing",
        {"command": {"type": "comment", "text": "x"}, "sources": [SPAN]},
        422,
        "contract_invalid",
    ),
    _refused(
        "an answer to nothing",
        {"command": {"type": "resolve_judgment", "judgment_id": "0" * 16}, "reason": "x"},
        404,
        "judgment_not_found",
    ),
    _refused(
        "an answer without a reason",
        {"command": {"type": "resolve_judgment", "judgment_id": "0" * 16}},
        422,
        "reason_required",
    ),
    _refused(
        "an inferred rule of nobody",
        {"command": {"type": "accept_inferred_rule", "inferred_rule_id": "%draft%"}},
        404,
        "inferred_rule_not_found",
    ),
    Refused(
        "abandoning a version that is not yet",
        f"{DRAFT}/abandon",
        {"expected_draft_version": 99, "reason": "x"},
        409,
        "draft_version_conflict",
    ),
    Refused(
        "inferring for a version that is not yet",
        f"{DRAFT}/inferred-rules",
        {"expected_draft_version": 99},
        409,
        "draft_version_conflict",
    ),
)
