"""What people are told of an approval policy leaves nothing of it out."""

from typing import Any

import pytest
from msgspec.structs import replace

from placet.cli.approve.words import policy_changes, policy_words
from placet.studio.workspaces.model import ApprovalGroup, ApprovalPolicy

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
