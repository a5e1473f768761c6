"""The page about the formats names what the code has."""

import re
from pathlib import Path

import msgspec
import pytest

from placet.evidence import bundle, grant, lift_vote, principal, receipt, standing, vote
from placet.evidence.artifact import ARTIFACT_TYPE, ArtifactPayload
from placet.evidence.leaf import TYPE_BYTES_MAX
from placet.kernel.foreign import DEPTH_MAX, DIGITS_MAX

PAGE = (Path(__file__).parents[2] / "docs/reference/evidence.md").read_text()
STRUCTS: list[type[msgspec.Struct]] = [
    grant.Grant,
    vote.ApprovalVote,
    vote.ProofOfPossession,
    ArtifactPayload,
    receipt.HostReceipt,
    principal.Assertion,
    lift_vote.LiftVote,
    standing.Standing,
    bundle.BundleHeader,
    bundle.StreamHead,
    bundle.NamedKey,
    bundle.EventLine,
    bundle.Manifest,
]


def section(title: str) -> str:
    """Return the part of the page under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found.group(1)


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_field_of_a_signed_or_exported_document_is_on_the_page(
    struct: type[msgspec.Struct],
) -> None:
    words = set(re.findall(r"[a-z_0-9]+", " ".join(re.findall(r"`[^`]*`", PAGE))))
    assert set(struct.__struct_fields__) <= words


def test_every_payload_type_is_on_the_page() -> None:
    votes = (vote.APPROVAL_VOTE_TYPE, vote.PROOF_TYPE)
    new = (principal.PRINCIPAL_TYPE, lift_vote.LIFT_VOTE_TYPE, standing.STANDING_TYPE)
    for name in (grant.GRANT_TYPE, *votes, ARTIFACT_TYPE, receipt.RECEIPT_TYPE, *new):
        assert f"`{name}`" in section("8. Envelopes")


def test_the_offsets_of_the_header_follow_from_its_widths() -> None:
    rows = re.findall(r"^\| (\d+) \| (\d+)(?: to (\d+))? \|", section("6. The event"), re.MULTILINE)
    at = 0
    for offset, width, _ in rows:
        assert int(offset) == at
        at += int(width)
    assert rows[-1][2] == str(TYPE_BYTES_MAX)


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    text = section("4. The foreign form of other people's JSON")
    assert f"more than {DEPTH_MAX} open brackets" in text
    assert f"more than {DIGITS_MAX:,} digits" in text


def test_the_place_for_the_event_types_is_marked() -> None:
    assert PAGE.count("<!-- event-types:begin") == PAGE.count("<!-- event-types:end -->") == 1
