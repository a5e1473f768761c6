"""What is said of a fault: every reason, and nothing that a terminal would obey."""

import json
from uuid import UUID

from placet.authority.recovery.model import LostEnd, RecoveryUnfinished
from placet.cli.exits import told
from placet.cli.words import as_text
from placet.policy.finding import Finding, Severity
from placet.replay.restores.model import TenantLooked
from placet.replay.restores.procedure import RestoreRefused
from placet.studio.approvals.model import ApprovalFlaw, ApprovalReason, ApprovalRefused
from placet.studio.drafts.model import ContractInvalid

HOSTILE = "\x1b[2J\x1b]0;pwned\x07 \x9b31m \u202eabc \U000e0001"
REFUSED = ApprovalRefused(
    detail="two things",
    reasons=[
        ApprovalReason(code=ApprovalFlaw.KEY_REVOKED, detail="the key was revoked"),
        ApprovalReason(code=ApprovalFlaw.AUTHOR_ALONE, detail="somebody else must approve"),
    ],
)


def finding(path: str) -> Finding:
    return Finding(
        code="unknown_key", severity=Severity.ERROR, path=path, message=f"no {path}", hint=""
    )


def test_every_reason_is_told_with_its_code() -> None:
    assert told(REFUSED, as_json=False).splitlines()[1:3] == [
        "  - key_revoked: the key was revoked",
        "  - author_alone: somebody else must approve",
    ]


def test_every_finding_is_told_with_its_place() -> None:
    fault = ContractInvalid(detail="six", findings=[finding(f"tools[{n}]") for n in range(6)])
    text = told(fault, as_json=False)
    assert all(f"unknown_key: tools[{n}]: no tools[{n}]" in text for n in range(6))


def test_a_restore_that_is_refused_names_each_tenant_and_what_does_not_fit() -> None:
    looked = [
        TenantLooked(
            tenant_id=UUID(int=n),
            streams=1,
            events=1,
            log_size=1,
            witnessed_size=None,
            proved_size=None,
            flaw=f"flaw {n}",
        )
        for n in range(2)
    ]
    lines = told(RestoreRefused(detail="two", tenants=looked), as_json=False).splitlines()
    assert lines[1:3] == [f"  - {UUID(int=n)}: flaw {n}" for n in range(2)]


def test_a_member_that_says_nothing_for_people_gets_no_line() -> None:
    end = LostEnd(type="ApproverRemoved", target="x")
    fault = RecoveryUnfinished(detail="one", untold_epochs=[], lost_ends=[end])
    assert "  - " not in told(fault, as_json=False).splitlines()


def test_a_program_gets_every_reason_too() -> None:
    error = json.loads(told(REFUSED, as_json=True))["error"]
    assert error["code"] == "approval_refused"
    assert [reason["code"] for reason in error["reasons"]] == ["key_revoked", "author_alone"]


def test_what_others_wrote_reaches_no_terminal_as_it_is() -> None:
    fault = ContractInvalid(detail=HOSTILE, findings=[finding(HOSTILE)])
    for as_json in (False, True):
        assert told(fault, as_json=as_json).replace("\n", "").isprintable()


def test_escaped_json_means_the_same() -> None:
    value = {"text": HOSTILE, "name": "für 100 %"}
    assert as_text(value).isprintable()
    assert json.loads(as_text(value)) == value
    assert "für" in as_text({"name": "für"})
