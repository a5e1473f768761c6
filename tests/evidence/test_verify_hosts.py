"""The verifier computes how good each word is, from what hosts signed and who they were."""

import base64
import io
from typing import Any

import msgspec
import pytest
from tests.evidence.samples import (
    CONTROL,
    GRANT_KEY,
    HOST_KEY,
    HOST_SAYS,
    SESSION,
    STRANGER_KEY,
    Said,
    call_body,
    chained,
    hash_of,
    header_of,
    sample_grant,
    uuid_of,
)

from placet.events.model import RecordedEvent
from placet.evidence.bundle import KeyList, KeyPurpose, NamedKey
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.export import write_bundle
from placet.evidence.grant import Grant, sign_grant
from placet.evidence.receipt import HostOutcome, HostSays, receipt_for
from placet.evidence.verify import BundleReport, verify_bundle

GRANT = sample_grant()
REPORT, SETTLEMENT = str(uuid_of("receipt")), str(uuid_of("settlement"))
OPENED = Said("SessionOpened", {"agent": "refund-desk", "environment": "production"})
GRANTED = Said("CallProposed", call_body())
HOST: dict[str, object] = {
    "host_id": str(uuid_of("host")),
    "environment": "production",
    "tools": ["refund_order"],
    "key_id": HOST_KEY.key_id,
}
REGISTERED = Said("ToolHostRegistered", HOST, control_epoch=1)
REVOKED = Said("ToolHostRevoked", {"key_id": HOST_KEY.key_id, "reason": "lost"}, control_epoch=5)


def word(
    grant: Grant = GRANT, says: HostSays = HOST_SAYS, key: SigningKey = HOST_KEY
) -> dict[str, object]:
    """Return a host's word as the event of a receipt holds it."""
    envelope = encode_envelope(receipt_for(grant, says, key))
    return {
        "key_id": key.key_id,
        "envelope": base64.b64encode(envelope).decode(),
        "never_begun": says.outcome is HostOutcome.NEVER_BEGUN,
    }


def received(epoch: int = 4, **changes: Any) -> Said:  # noqa: ANN401 -- any field of a body
    """Return the event of a receipt that its host signed."""
    body: dict[str, object] = {
        "receipt_id": REPORT,
        "call_id": str(GRANT.call_id),
        "status": "succeeded",
        "evidence_level": "executor_attested",
        "arguments_hash": GRANT.arguments_hash,
        "output_hash": HOST_SAYS.output_hash,
        "external_ref": HOST_SAYS.external_ref,
        "attested_by": word(),
    }
    return Said("ReceiptReceived", body | changes, control_epoch=epoch)


def settled(level: str = "executor_attested", **changes: object) -> Said:
    """Return the event of a settlement on that receipt."""
    body: dict[str, object] = {
        "call_id": str(GRANT.call_id),
        "evidence_level": level,
        "receipt_id": REPORT,
        "settlement_id": None,
        "reconciled_by": None,
    }
    return Said("CallSettled", body | changes, control_epoch=4)


OWN = received(evidence_level="client_reported", attested_by=None)


def report_of(
    *session: Said,
    hosts: tuple[Said, ...] | None = (REGISTERED,),
    keys: tuple[SigningKey, ...] = (HOST_KEY,),
    pinned: KeyList | None = None,
    erased: int | None = None,
) -> BundleReport:
    """Return the report on a session, beside the authority stream if there are hosts."""
    events = chained(SESSION, [OPENED, GRANTED, *session])
    if erased is not None:
        events[erased] = msgspec.structs.replace(events[erased], salt=None, body=None)
    streams: list[tuple[Any, str, list[RecordedEvent]]] = [(SESSION, "session", events)]
    if hosts is not None:
        streams.insert(0, (CONTROL, "authority", chained(CONTROL, hosts)))
    header = header_of(streams)
    named = tuple(
        NamedKey(key_id=key.key_id, public_key=key.public.raw, purpose=KeyPurpose.TOOL_HOST)
        for key in keys
    )
    header = msgspec.structs.replace(header, keys=header.keys + named)
    lines = write_bundle(header, [event for _, _, each in streams for event in each])
    return verify_bundle(io.BytesIO(b"".join(lines)), pinned)


def why(report: BundleReport) -> str:
    """Return the reason that is named, with what is bad."""
    assert report.flaw is not None
    return f"{report.flaw.item}: {report.flaw.why}"


def test_a_hosts_word_and_what_was_settled_on_it_are_held_to_its_registration() -> None:
    report = report_of(received(), settled(), hosts=(REGISTERED, REVOKED))
    assert (report.flaw, report.attestations) == (None, 1)
    assert any("what the tool's host signed" in sentence for sentence in report.proved)
    assert not any("keys of hosts" in sentence for sentence in report.not_proved)


def test_a_session_alone_does_not_prove_that_its_hosts_were_registered() -> None:
    report = report_of(received(), hosts=None)
    assert report.is_good
    assert any("1 keys of hosts" in sentence for sentence in report.not_proved)


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ((), "no event registers the host"),
        ((Said("ToolHostRegistered", HOST | {"tools": ["other"]}),), "other tools"),
        ((Said("ToolHostRegistered", HOST | {"environment": "staging"}),), "other tools"),
        ((REGISTERED, msgspec.structs.replace(REVOKED, control_epoch=4)), "had ended"),
        ((REGISTERED, REGISTERED), "registered before"),
        ((REVOKED,), "no event before it made"),
    ],
)
def test_a_word_of_a_host_that_did_not_count_is_a_flaw(hosts: tuple[Said, ...], said: str) -> None:
    assert said in why(report_of(received(), hosts=hosts))


@pytest.mark.parametrize(
    "changes",
    [
        {"call_id": str(uuid_of("call 2"))},
        {"status": "failed"},
        {"arguments_hash": hash_of("other")},
        {"output_hash": None},
        {"external_ref": None},
        {"evidence_level": "client_reported"},
        {"evidence_level": "externally_verified"},
        {"attested_by": word() | {"key_id": GRANT_KEY.key_id}},
        {"attested_by": word() | {"never_begun": True}},
        {"attested_by": word(msgspec.structs.replace(GRANT, session_id=uuid_of("x")))},
        {"attested_by": word(msgspec.structs.replace(GRANT, tenant_id=uuid_of("x")))},
        {"attested_by": word(msgspec.structs.replace(GRANT, tool="other"))},
        {"attested_by": word(key=STRANGER_KEY)},
        {"attested_by": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_event_that_says_otherwise_than_its_host_signed_is_a_flaw(
    changes: dict[str, Any],
) -> None:
    assert report_of(received(**changes)).flaw is not None


def test_a_word_for_another_environment_than_the_sessions_is_a_flaw() -> None:
    other = msgspec.structs.replace(GRANT, environment="staging")
    changed = received(attested_by=word(msgspec.convert(msgspec.to_builtins(other), Grant)))
    assert "another environment" in why(report_of(changed, hosts=None))


def test_every_byte_of_a_hosts_signed_word_counts() -> None:
    envelope = base64.b64decode(str(word()["envelope"]))
    for at in range(0, len(envelope), 7):
        flipped = bytearray(envelope)
        flipped[at] ^= 1
        changed = word() | {"envelope": base64.b64encode(bytes(flipped)).decode()}
        assert "placet.receipt.v1" in why(report_of(received(attested_by=changed)))


def test_only_the_keys_that_were_pinned_count() -> None:
    host = NamedKey(
        key_id=HOST_KEY.key_id, public_key=HOST_KEY.public.raw, purpose=KeyPurpose.TOOL_HOST
    )
    assert report_of(received(), pinned=KeyList(version=1, keys=(host,))).is_good
    other = msgspec.structs.replace(host, purpose=KeyPurpose.GRANT)
    for keys in ((), (other,)):
        assert "keys that count" in why(report_of(received(), pinned=KeyList(version=1, keys=keys)))


def test_that_a_call_was_never_begun_is_the_word_on_a_failure() -> None:
    says = msgspec.structs.replace(HOST_SAYS, outcome=HostOutcome.NEVER_BEGUN, output_hash=None)
    never = received(status="failed", output_hash=None, attested_by=word(says=says))
    assert report_of(never).is_good
    assert report_of(received(output_hash=None, attested_by=word(says=says))).flaw is not None


def test_a_call_is_given_up_before_its_time_on_its_hosts_word_alone() -> None:
    says = msgspec.structs.replace(HOST_SAYS, outcome=HostOutcome.NEVER_BEGUN, output_hash=None)
    never = received(status="failed", output_hash=None, attested_by=word(says=says))
    by_word = Said("CallAbandoned", {"call_id": str(GRANT.call_id), "receipt_id": REPORT}, 1, 4)
    in_time = Said("CallAbandoned", {"call_id": str(GRANT.call_id), "receipt_id": None}, 1, 4)
    other = Said("CallAbandoned", {"call_id": READ, "receipt_id": REPORT}, 1, 4)
    assert report_of(never, by_word).is_good
    assert report_of(in_time).is_good
    for said in ((never, other), (received(), by_word), (OWN, by_word), (by_word,)):
        assert "never begun" in why(report_of(*said))
    assert report_of(never, by_word, erased=2).is_good


READ = str(uuid_of("read"))
TOLD: dict[str, object] = {
    "receipt_id": None,
    "settlement_id": SETTLEMENT,
    "reconciled_by": str(GRANT.call_id),
    "call_id": str(uuid_of("unknown call")),
}
BY_OPERATOR: dict[str, object] = {"receipt_id": None, "settlement_id": SETTLEMENT}


@pytest.mark.parametrize(
    ("said", "is_good"),
    [
        ((received(), settled()), True),
        ((received(), settled("client_reported")), True),
        ((OWN, settled("client_reported")), True),
        ((OWN, settled()), False),
        ((OWN, settled("externally_verified")), False),
        ((OWN, settled("externally_verified", settlement_id=SETTLEMENT)), True),
        ((OWN, settled("executor_attested", settlement_id=SETTLEMENT)), False),
        ((settled("client_reported"),), False),
        ((OWN, settled("client_reported", call_id=READ)), False),
        ((settled("externally_verified", **BY_OPERATOR),), True),
        ((settled("client_reported", **BY_OPERATOR),), False),
        ((settled("externally_verified", receipt_id=None),), False),
        ((received(), settled(), settled("externally_verified", **TOLD)), True),
        ((received(), settled(), settled("client_reported", **TOLD)), True),
        ((OWN, settled("client_reported"), settled("client_reported", **TOLD)), True),
        ((OWN, settled("client_reported"), settled("externally_verified", **TOLD)), False),
        ((received(), settled("externally_verified", **TOLD)), False),
        (
            (
                received(),
                settled(),
                settled("externally_verified", **TOLD | {"settlement_id": None}),
            ),
            False,
        ),
    ],
)
def test_a_settlement_is_as_good_as_the_word_that_it_names(
    said: tuple[Said, ...], *, is_good: bool
) -> None:
    assert report_of(*said).is_good is is_good


def test_what_an_erased_receipt_said_is_told_as_not_proved() -> None:
    report = report_of(received(), settled(), erased=2)
    assert report.is_good
    assert any("1 calls were settled on" in sentence for sentence in report.not_proved)


ORPHAN: dict[str, object] = {
    "session_id": str(GRANT.session_id),
    "call_id": str(GRANT.call_id),
    "agent": GRANT.agent,
    "tool": GRANT.tool,
    "status": "succeeded",
    "evidence_level": "executor_attested",
    "arguments_hash": GRANT.arguments_hash,
    "output_hash": HOST_SAYS.output_hash,
    "conflicting": False,
    "grant": base64.b64encode(encode_envelope(sign_grant(GRANT, GRANT_KEY))).decode(),
    "attestation": word()["envelope"],
}


def orphan(**changes: object) -> Said:
    return Said("OrphanReceiptKept", ORPHAN | changes, control_epoch=4)


def test_a_receipt_of_a_call_that_nobody_knew_is_held_to_its_grant_and_its_hosts_word() -> None:
    own = orphan(evidence_level="client_reported", attestation=None)
    report = report_of(hosts=(REGISTERED, orphan(), own))
    assert (report.flaw, report.orphans, report.attestations) == (None, 2, 1)
    assert any("2 reports of calls" in sentence for sentence in report.proved)


@pytest.mark.parametrize(
    "changes",
    [
        {"call_id": READ},
        {"session_id": READ},
        {"tool": "other"},
        {"agent": "other"},
        {"status": "failed"},
        {"evidence_level": "client_reported"},
        {"attestation": None},
        {"conflicting": True},
        {"arguments_hash": hash_of("other")},
        {"output_hash": None},
        {"grant": base64.b64encode(encode_envelope(sign_grant(GRANT, HOST_KEY))).decode()},
        {"grant": "e30="},
        {"attestation": word(msgspec.structs.replace(GRANT, call_id=uuid_of("x")))["envelope"]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_an_orphan_that_says_otherwise_than_what_was_signed_is_a_flaw(
    changes: dict[str, object],
) -> None:
    assert report_of(hosts=(REGISTERED, orphan(**changes))).flaw is not None
