"""A signed yes to calls that are yet to come passes for nothing else."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from placet.evidence import dsse
from placet.evidence.ask_vote import ASK_VOTE_TYPE
from placet.evidence.ed25519 import SigningKey
from placet.evidence.standing import STANDING_TYPE, Standing, sign_standing, verify_standing
from placet.kernel.canonical import canonical
from placet.kernel.principal import Environment
from placet.policy.model import Rule

KEY = SigningKey(bytes(range(32)))
SAID = Standing(
    standing_id=UUID(int=1),
    tenant_id=UUID(int=2),
    workspace_id=UUID(int=3),
    agent="refund-desk",
    environment=Environment.PRODUCTION,
    tool="issue_refund",
    arguments=(Rule(path="$.amount_cents", lte=500), Rule(path="$.order_id", matches="^ord_")),
    schema_hash="11" * 32,
    checkpoint_hash="22" * 32,
    uses=20,
    expires_at=datetime(2026, 1, 2, tzinfo=UTC),
    reason="small amounts",
    granted_by=UUID(int=4),
    key_id=KEY.key_id,
)
ENVELOPE = sign_standing(SAID, KEY)


def test_what_was_signed_is_what_is_read() -> None:
    assert verify_standing(ENVELOPE, [KEY.public]) == SAID


def test_the_same_bytes_under_another_type_are_refused() -> None:
    other = dsse.sign(ASK_VOTE_TYPE, ENVELOPE.payload, KEY)
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_standing(other, [KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.TYPE


def test_another_key_or_one_that_it_does_not_name_is_refused() -> None:
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_standing(ENVELOPE, [SigningKey(bytes(32)).public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.SIGNATURE
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_standing(sign_standing(replace(SAID, key_id="00" * 32), KEY), [KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.PAYLOAD


@pytest.mark.parametrize(
    "wrong",
    [
        {"arguments": []},
        {"arguments": [{"path": "$.x"}]},
        {"arguments": [{"path": "$.x", "lte_ref": "slot"}]},
        {"arguments": [{"path": "$.x", "equals": 0.5}]},
        {"arguments": [{"path": "$.x", "unknown": 1}]},
        {"uses": 0},
        {"uses": 1001},
        {"reason": ""},
        {"schema_hash": "00"},
        {"expires_at": "2026-01-02T00:00:00+01:00"},
        {"more": 1},
    ],
)
def test_what_is_no_standing_grant_is_refused(wrong: dict[str, object]) -> None:
    plain = msgspec.json.decode(ENVELOPE.payload) | wrong
    payload = msgspec.json.encode(plain, order="sorted")
    with pytest.raises(dsse.EnvelopeRefused) as refused:
        verify_standing(dsse.sign(STANDING_TYPE, payload, KEY), [KEY.public])
    assert refused.value.flaw is dsse.EnvelopeFlaw.PAYLOAD


def test_every_field_is_under_the_signature() -> None:
    plain = msgspec.json.decode(ENVELOPE.payload)
    assert set(plain) == set(Standing.__struct_fields__)
    for field in plain:
        forged = replace(ENVELOPE, payload=canonical({**plain, field: "x"}))
        with pytest.raises(dsse.EnvelopeRefused) as refused:
            verify_standing(forged, [KEY.public])
        assert refused.value.flaw is dsse.EnvelopeFlaw.SIGNATURE
