"""The verifier holds calls that were granted beforehand to what was signed."""

import base64
import io
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.evidence.bundle_samples import AUTHORITY, Parts, bundle_v2
from tests.evidence.samples import (
    CONTROL,
    PERSON,
    PERSON_KEY,
    SESSION,
    STARTED,
    STRANGER_KEY,
    Said,
    call_body,
    chained,
    header_of,
    uuid_of,
)
from tests.evidence.standing_samples import STANDING

from placet.events.model import RecordedEvent
from placet.evidence.bundle import ScopeKind
from placet.evidence.dsse import encode_envelope, sign
from placet.evidence.ed25519 import SigningKey
from placet.evidence.export import write_bundle
from placet.evidence.standing import STANDING_TYPE, sign_standing
from placet.evidence.verify import BundleReport, verify_bundle
from placet.kernel.canonical import canonical
from placet.kernel.principal import Environment

OPENED = Said("SessionOpened", {"agent": "refund-desk", "environment": "production"})
REVOKED = Said("StandingRevoked", {"standing_id": str(STANDING.standing_id)})


def given(key: SigningKey = PERSON_KEY, **changes: Any) -> Said:  # noqa: ANN401 -- any field of it
    """Return the event of a standing grant."""
    signed = sign_standing(msgspec.structs.replace(STANDING, **changes), key)
    body: dict[str, object] = {
        "standing_id": str(STANDING.standing_id),
        "granted_by": str(PERSON),
        "envelope": base64.b64encode(encode_envelope(signed)).decode(),
    }
    return Said("StandingGranted", body)


def used(number: int = 1, **changes: object) -> Said:
    """Return the event of a call that was granted by it."""
    body = call_body(number) | {"standing": str(STANDING.standing_id)} | changes
    return Said("CallProposed", body)


def ended(name: str, epoch: int = 0, **changes: object) -> Said:
    """Return an event of the signer: `revoked`, `removed` from the workspace, or `let_in` to it."""
    types = {
        "revoked": "PersonKeyRevoked",
        "removed": "ApproverRemoved",
        "let_in": "EnrolmentConfirmed",
    }
    body: dict[str, object] = {
        "workspace_id": str(STANDING.workspace_id),
        "actor_id": str(PERSON),
        "key_id": PERSON_KEY.key_id,
    }
    return Said(types[name], body | changes, control_epoch=epoch)


def at(epoch: int, said: Said) -> Said:
    """Return an event under a later control epoch."""
    return msgspec.structs.replace(said, control_epoch=epoch)


def report_of(
    *session: Said, authority: tuple[Said, ...] | None = None, gone: int = 0
) -> BundleReport:
    """Return the report on a session, beside the authority stream, one body of it erased."""
    streams: list[tuple[Any, str, list[RecordedEvent]]] = [
        (SESSION, "session", chained(SESSION, [OPENED, *session]))
    ]
    if authority is not None:
        told = chained(CONTROL, authority, PERSON)
        if gone:
            told[gone - 1] = msgspec.structs.replace(told[gone - 1], salt=None, body=None)
        streams.insert(0, (CONTROL, "authority", told))
    lines = write_bundle(header_of(streams), [event for _, _, each in streams for event in each])
    return verify_bundle(io.BytesIO(b"".join(lines)))


def why(report: BundleReport) -> str:
    """Return the reason that is named."""
    assert report.flaw is not None
    return report.flaw.why


def test_calls_that_were_granted_beforehand_are_held_to_what_was_signed() -> None:
    report = report_of(used(1), used(2), authority=(given(),))
    assert report.flaw is None
    assert any("2 calls were granted by a yes" in sentence for sentence in report.proved)


def test_without_the_stream_that_tells_it_is_not_proved() -> None:
    report = report_of(used(1))
    assert report.flaw is None
    assert any("beforehand to 1 calls" in sentence for sentence in report.not_proved)
    assert not any("by a yes" in sentence for sentence in report.proved)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tool": "close_case"}, "another tool"),
        ({"agent": "another"}, "another tool, agent"),
        ({"environment": Environment.STAGING}, "or environment"),
        ({"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, "had run out"),
        ({"uses": 1}, "fewer calls"),
        ({"standing_id": uuid_of("other")}, "says otherwise"),
        ({"granted_by": uuid_of("other")}, "not the word"),
        ({"key_id": "00" * 32}, "not the word"),
        ({"tenant_id": uuid_of("other")}, "another tenant"),
    ],
)
def test_what_was_signed_for_something_else_is_a_flaw(changes: dict[str, Any], said: str) -> None:
    assert said in why(report_of(used(1), used(2), authority=(given(**changes),)))


@pytest.mark.parametrize(
    "rule",
    [
        {"path": "$.amount", "lte_ref": "limit"},
        {"path": "$.amount", "lte": 5, "eq_ref": "limit"},
        {"path": 1, "lte": 5},
        {"path": "$.amount"},
        {"lte": 5},
        "all",
        {"path": "$.amount", "lte": 2**53},
        {"path": "$.amount", "lte": {"of": [-(2**53)]}},
    ],
)
def test_a_rule_that_the_form_does_not_know_is_a_flaw(rule: object) -> None:
    plain = json.loads(canonical(STANDING)) | {"arguments": [rule]}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
    signed = encode_envelope(sign(STANDING_TYPE, text, PERSON_KEY))
    said = given()
    said.body["envelope"] = base64.b64encode(signed).decode()
    assert "cannot be read" not in why(report_of(used(1), authority=(said,)))
    allowed = json.dumps(plain | {"arguments": [{"path": "$.a", "lte": 2**53 - 1}]})
    text = json.dumps(json.loads(allowed), sort_keys=True, separators=(",", ":")).encode()
    signed = encode_envelope(sign(STANDING_TYPE, text, PERSON_KEY))
    said.body["envelope"] = base64.b64encode(signed).decode()
    assert report_of(used(1), authority=(said,)).flaw is None


def test_a_stranger_signs_nothing_beforehand() -> None:
    report = report_of(used(1), authority=(given(STRANGER_KEY),))
    assert "names none of the keys" in why(report)


def test_what_was_given_twice_is_a_flaw() -> None:
    assert "given before" in why(report_of(authority=(given(), given())))


def test_a_call_after_the_revocation_is_a_flaw_and_one_before_it_is_none() -> None:
    padding = [Said("Unread", {"n": n}) for n in range(10)]
    early, late = [given(), REVOKED], [*padding, used(1)]
    assert "had been revoked" in why(report_of(*late, authority=tuple(early)))
    assert report_of(used(1), authority=(given(), *padding, REVOKED)).flaw is None
    assert STANDING.expires_at > STARTED


def test_a_use_of_what_the_whole_stream_does_not_tell_of_is_a_flaw() -> None:
    assert "no event gives the yes" in why(report_of(used(1), authority=(REVOKED,)))


def test_a_use_of_what_an_erased_body_may_have_given_is_not_proved() -> None:
    report = report_of(used(1), authority=(given(),), gone=1)
    assert report.flaw is None
    assert any("beforehand to 1 calls" in sentence for sentence in report.not_proved)


PADDING = tuple(Said("Unread", {"n": n}) for n in range(10))


def test_a_use_before_the_yes_is_a_flaw_by_the_epoch_and_else_by_the_clock() -> None:
    assert "given later" in why(report_of(used(1), authority=(*PADDING, given())))
    assert "given later" in why(report_of(*PADDING, used(1), authority=(at(1, given()),)))
    assert report_of(at(1, used(1)), authority=(*PADDING, given())).flaw is None


@pytest.mark.parametrize("name", ["revoked", "removed"])
def test_a_use_after_the_end_of_its_signer_is_a_flaw_by_the_epoch_and_else_by_the_clock(
    name: str,
) -> None:
    said = {"revoked": "key that signed", "removed": "removed as an approver"}[name]
    later = (given(), *PADDING, ended(name, 1))
    assert said in why(report_of(at(2, used(1)), authority=later))
    assert report_of(*PADDING, *PADDING, used(1), authority=later).flaw is None
    assert said in why(report_of(*PADDING, used(1), authority=(given(), ended(name))))
    assert report_of(used(1), authority=(given(), *PADDING, ended(name))).flaw is None


def test_a_use_after_the_epoch_of_the_revocation_is_a_flaw_whatever_the_clock_says() -> None:
    later = (given(), *PADDING, at(1, REVOKED))
    assert "had been revoked" in why(report_of(at(2, used(1)), authority=later))


@pytest.mark.parametrize("name", ["revoked", "removed"])
def test_a_yes_after_the_end_of_its_signer_is_a_flaw(name: str) -> None:
    said = {"revoked": "had been revoked before", "removed": "had been removed"}[name]
    assert said in why(report_of(authority=(ended(name), given())))


def test_the_end_of_another_or_elsewhere_ends_nothing() -> None:
    for other in (
        ended("revoked", key_id="00" * 32),
        ended("removed", workspace_id=str(uuid_of("elsewhere"))),
        ended("removed", actor_id=str(uuid_of("other"))),
    ):
        report = report_of(*PADDING, used(1), authority=(other, given(), other))
        assert report.flaw is None
        assert any("none of them follows the end" in sentence for sentence in report.proved)


def test_a_key_that_is_let_in_again_signs_again_and_no_other_and_no_yes_of_before_counts() -> None:
    removed, let_in = ended("removed"), ended("let_in")
    assert report_of(used(1), authority=(removed, let_in, given())).flaw is None
    another = ended("let_in", key_id="00" * 32)
    assert "had been removed" in why(report_of(authority=(removed, another, given())))
    assert "had been removed" in why(report_of(authority=(let_in, removed, given())))
    again = (given(), removed, let_in)
    assert "removed as" in why(report_of(*PADDING, used(1), authority=again))


def test_an_end_that_an_erased_body_may_tell_of_is_not_proved() -> None:
    report = report_of(*PADDING, used(1), authority=(given(), ended("revoked")), gone=2)
    assert report.flaw is None
    assert any("had not ended" in sentence for sentence in report.not_proved)
    assert not any("none of them follows" in sentence for sentence in report.proved)
    again = (ended("removed"), ended("let_in"), given())
    assert report_of(used(1), authority=again, gone=2).flaw is None
    assert "had been revoked" in why(report_of(at(2, used()), authority=(given(), at(1, REVOKED))))
    report = report_of(at(2, used()), authority=(given(), at(1, REVOKED)), gone=2)
    assert report.flaw is None
    assert any("had not ended" in sentence for sentence in report.not_proved)
    assert not any("none of them follows" in sentence for sentence in report.proved)


def test_an_end_may_follow_where_the_epoch_was_raised_by_what_is_not_here() -> None:
    report = report_of(at(2, used()), authority=(at(1, given()),))
    assert report.flaw is None
    assert any("had not ended" in sentence for sentence in report.not_proved)
    assert not any("none of them follows" in sentence for sentence in report.proved)
    later = (at(1, given()), at(2, ended("removed", workspace_id=str(uuid_of("elsewhere")))))
    report = report_of(at(2, used()), authority=later)
    assert any("none of them follows" in sentence for sentence in report.proved)


def test_where_the_whole_log_is_here_no_end_is_hidden_by_what_else_raised_the_epoch() -> None:
    raised = Said("ActorDisabled", {"actor_id": str(uuid_of("somebody"))}, control_epoch=2)
    streams = [
        (AUTHORITY, "authority", chained(AUTHORITY, [at(1, given()), raised], PERSON)),
        (SESSION, "session", chained(SESSION, [OPENED, at(3, used())])),
    ]
    for scope, is_open in ((ScopeKind.TENANT, False), (ScopeKind.SESSION, True)):
        parts = Parts(streams=streams, scope=scope, signed=[], dossiers=[])
        report = verify_bundle(io.BytesIO(b"".join(bundle_v2(parts))))
        assert report.flaw is None
        assert any("had not ended" in one for one in report.not_proved) is is_open
        assert any("none of them follows" in one for one in report.proved) is not is_open


def test_what_only_the_clock_orders_is_told_and_what_an_epoch_orders_is_not() -> None:
    near = report_of(used(1), authority=(given(),))
    assert any("1 calls came after the yes" in sentence for sentence in near.not_proved)
    far = report_of(at(1, used(1)), authority=(given(), ended("revoked", 2)))
    assert far.flaw is None
    assert not any("database's clock: no" in sentence for sentence in far.not_proved)


def test_what_is_not_checked_of_the_signer_is_told() -> None:
    report = report_of(used(1), authority=(given(),))
    assert any("let in to the workspace" in sentence for sentence in report.not_proved)


def unread(arguments: list[object]) -> Said:
    """Return the event of a standing grant that the service would not take, signed all the same."""
    plain = msgspec.json.decode(sign_standing(STANDING, PERSON_KEY).payload)
    payload = canonical(plain | {"arguments": arguments})
    body = given().body
    envelope = encode_envelope(sign(STANDING_TYPE, payload, PERSON_KEY))
    return Said("StandingGranted", body | {"envelope": base64.b64encode(envelope).decode()})


def test_rules_are_rules_and_compare_with_no_slot() -> None:
    good: dict[str, object] = {"path": "$.amount_cents", "lte": 500}
    assert report_of(used(1), authority=(unread([good]),)).flaw is None
    for wrong in (
        {"path": "$.amount_cents", "lte_ref": "limit"},
        {**good, "one_of_ref": "cases"},
        {"path": "$.amount_cents"},
        {"lte": 500},
        "$.amount_cents",
    ):
        assert "no such document" in why(report_of(authority=(unread([good, wrong]),)))
    assert "no such document" in why(report_of(authority=(unread([]),)))
    assert "no such document" in why(report_of(authority=(unread([good] * 33),)))
