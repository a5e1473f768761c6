"""What people are told of an approval policy leaves nothing of it out."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from placet.cli.approve.words import ended_words, policy_changes, policy_words
from placet.plans.model import EndingKind
from placet.studio.endings.model import EndedApproval
from placet.studio.workspaces.model import ApprovalGroup, ApprovalPolicy, WorkspaceId

PLAIN = ApprovalPolicy()
OTHERWISE: dict[str, Any] = {
    "quorum": 3,
    "groups": (ApprovalGroup(name="risk", quorum=2),),
    "four_eyes": True,
    "validity_days": 7,
    "enrolment_delay_hours": 0,
}
"""Another value for each field of a policy."""


@pytest.mark.parametrize("name", ApprovalPolicy.__struct_fields__)
def test_every_field_of_a_policy_is_told_and_so_is_its_change(name: str) -> None:
    other = replace(PLAIN, **{name: OTHERWISE[name]})
    assert policy_words(other) != policy_words(PLAIN)
    (line,) = policy_changes(PLAIN, other)
    assert line.strip().startswith(f"{name}: ")
    assert list(policy_changes(other, other)) == []


def test_what_would_come_back_is_told_with_why_it_had_ended() -> None:
    revoked = EndedApproval(
        approval_id=UUID(int=7),
        workspace_id=WorkspaceId(UUID(int=8)),
        kind=EndingKind.REVOKED,
        reason="it pays too much",
        ended_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    line = list(ended_words([revoked]))[-1]
    assert line.strip() == (
        f"revoked 2026-01-02 00:00:00+00:00: approval {UUID(int=7)}: it pays too much"
    )
    assert list(ended_words([])) == []
