"""Grants, as a tool's host checks them."""

from datetime import datetime, timedelta, timezone

import msgspec
import pytest
from tests.evidence.samples import (
    GRANT_KEY,
    PERSON_KEY,
    STRANGER_KEY,
    hash_of,
    sample_grant,
)

from placet.evidence import dsse
from placet.evidence.grant import (
    GRANT_TYPE,
    Grant,
    GrantFlaw,
    GrantUse,
    sign_grant,
    verify_grant,
)
from placet.kernel.canonical import canonical

GRANT = sample_grant()
ENVELOPE = sign_grant(GRANT, GRANT_KEY)
KEYS = [GRANT_KEY.public]
USE = GrantUse(
    server="orders",
    tool="refund_order",
    tool_schema_hash=hash_of("schema"),
    arguments_hash=hash_of("arguments 1"),
    at=GRANT.not_before,
)


def _flaw(use: GrantUse, grant: Grant = GRANT) -> GrantFlaw | None:
    return verify_grant(sign_grant(grant, GRANT_KEY), KEYS, use).flaw


def test_a_grant_covers_the_call_it_was_given_for() -> None:
    verdict = verify_grant(ENVELOPE, KEYS, USE)
    assert verdict.is_good
    assert verdict.grant == GRANT


def test_a_host_may_hand_over_the_bytes_that_it_got() -> None:
    assert verify_grant(dsse.encode_envelope(ENVELOPE), KEYS, USE).is_good
    assert verify_grant(b"{}", KEYS, USE).flaw is GrantFlaw.MALFORMED


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"tool": "delete_order"}, GrantFlaw.TOOL),
        ({"server": "payments"}, GrantFlaw.SERVER),
        ({"server": None}, GrantFlaw.SERVER),
        ({"tool_schema_hash": hash_of("other")}, GrantFlaw.TOOL_SCHEMA),
        ({"tool_schema_hash": None}, GrantFlaw.TOOL_SCHEMA),
        ({"arguments_hash": hash_of("arguments 2")}, GrantFlaw.ARGUMENTS),
        ({"at": GRANT.not_before - timedelta(microseconds=1)}, GrantFlaw.NOT_YET),
        ({"at": GRANT.expires_at}, GrantFlaw.EXPIRED),
    ],
)
def test_a_grant_covers_no_other_call(change: dict[str, object], flaw: GrantFlaw) -> None:
    verdict = verify_grant(ENVELOPE, KEYS, msgspec.structs.replace(USE, **change))
    assert verdict.flaw is flaw
    assert not verdict.is_good


def test_the_last_moment_before_expiry_is_still_covered() -> None:
    at = GRANT.expires_at - timedelta(microseconds=1)
    assert _flaw(msgspec.structs.replace(USE, at=at)) is None


def test_a_grant_for_one_host_is_refused_by_another_and_one_for_any_host_is_not() -> None:
    bound = msgspec.structs.replace(GRANT, audience="host-a")
    use_by_a, use_by_b = (
        msgspec.structs.replace(USE, audiences=frozenset([name])) for name in ("host-a", "host-b")
    )
    assert _flaw(use_by_a, bound) is None
    assert _flaw(USE, bound) is GrantFlaw.AUDIENCE
    assert _flaw(use_by_b, bound) is GrantFlaw.AUDIENCE
    assert _flaw(use_by_a) is None
    strict = msgspec.structs.replace(use_by_a, takes_unbound=False)
    assert (_flaw(strict, bound), _flaw(strict)) == (None, GrantFlaw.AUDIENCE)


def test_a_grant_by_another_key_or_of_another_type_is_refused() -> None:
    stranger = sign_grant(GRANT, STRANGER_KEY)
    other_type = dsse.sign("placet.vote.approval.v1", canonical(GRANT), GRANT_KEY)
    assert verify_grant(stranger, KEYS, USE).flaw is GrantFlaw.SIGNATURE
    assert verify_grant(other_type, KEYS, USE).flaw is GrantFlaw.TYPE
    assert verify_grant(ENVELOPE, [PERSON_KEY.public], USE).grant is None


def test_every_field_of_a_grant_is_under_the_signature() -> None:
    plain = msgspec.json.decode(ENVELOPE.payload)
    assert set(plain) == set(Grant.__struct_fields__)
    for field in plain:
        other = plain["session_id" if field == "tenant_id" else "tenant_id"]
        changed = canonical({**plain, field: other})
        assert changed != ENVELOPE.payload
        forged = dsse.Envelope(
            payload=changed, payload_type=GRANT_TYPE, signatures=ENVELOPE.signatures
        )
        assert verify_grant(forged, KEYS, USE).flaw is GrantFlaw.SIGNATURE


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("not_before", "2026-03-01T09:30:01.250000"),
        ("not_before", "2026-03-01T09:30:01.250000+00:00"),
        ("not_before", "2026-03-01T11:30:01.250000+02:00"),
        ("not_before", "2026-03-01T09:30:01.25Z"),
        ("not_before", 1772357401),
        ("step", 0),
        ("arguments_hash", hash_of("arguments 1").upper()),
        ("arguments_hash", hash_of("arguments 1")[:-1]),
        ("arguments_hash", hash_of("arguments 1") + "\n"),
        ("call_id", GRANT.call_id.hex),
        ("environment", "prod"),
        ("tool", ""),
        ("fence", {"epoch": 1, "n": -1}),
        ("fence", [1, 1]),
        ("control", {"epoch": 0}),
    ],
)
def test_a_grant_with_a_field_in_another_form_is_refused_though_signed(
    field: str, value: object
) -> None:
    plain = msgspec.json.decode(ENVELOPE.payload)
    envelope = dsse.sign(GRANT_TYPE, canonical({**plain, field: value}), GRANT_KEY)
    assert verify_grant(envelope, KEYS, USE).flaw is GrantFlaw.PAYLOAD


def test_a_grant_in_another_zone_cannot_be_made() -> None:
    zone = timezone(timedelta(hours=2))
    with pytest.raises(ValueError, match="UTC"):
        msgspec.structs.replace(GRANT, not_before=datetime(2026, 3, 1, 9, tzinfo=zone))
