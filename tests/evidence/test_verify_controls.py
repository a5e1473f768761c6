"""The verifier holds grants and starts against a kill from its epoch on, up to its lifting."""

import io
import time

import msgspec
import pytest
from tests.evidence.samples import (
    AGENT,
    CONTROL,
    GRANT_KEY,
    PERSON,
    SESSION,
    Said,
    bundle_lines,
    call_body,
    chained,
    sample_grant,
    uuid_of,
)

from placet.authority.lifts.model import ControlLifted
from placet.events.model import RecordedEvent
from placet.evidence import verify as verifier
from placet.evidence.grant import sign_grant
from placet.evidence.verify import BundleReport, verify_bundle
from placet.replay.controls.model import SessionBypassed

OPENED = Said("SessionOpened", {"agent": "refund-desk", "artifact_id": "one"})
CALL = str(uuid_of("call 1"))
SCOPES = [("tenant", ""), ("agent", "refund-desk"), ("tool", "refund_order")]


def set_at(epoch: int, name: str = "a", kind: str = "tenant", target: str = "") -> Said:
    """Return a kill that was set at an epoch."""
    body = {"control_id": str(uuid_of(name)), "kind": kind, "target": target, "effect": "kill"}
    return Said("ControlSet", dict[str, object](body), fence=0, control_epoch=epoch)


def lifted_at(epoch: int, name: str = "a", asked_by: object = PERSON) -> Said:
    """Return the lifting of that kill, which another than the asker confirmed."""
    body = {"control_id": str(uuid_of(name)), "asked_by": str(asked_by)}
    return Said("ControlLifted", dict[str, object](body), fence=0, control_epoch=epoch)


def granted_at(epoch: int) -> list[RecordedEvent]:
    """Return a session in which a call was granted at an epoch."""
    return chained(SESSION, [OPENED, Said("CallProposed", call_body(), control_epoch=epoch)])


def report_of(session: list[RecordedEvent], *controls: Said, epoch: int = 0) -> BundleReport:
    """Return the report on a session under these controls, with its grant at an epoch."""
    envelopes = [sign_grant(sample_grant(epoch=epoch), GRANT_KEY)] if epoch else []
    control = chained(CONTROL, controls, AGENT)
    return verify_bundle(io.BytesIO(b"".join(bundle_lines(session, control, envelopes))))


def why(report: BundleReport) -> str:
    """Return the reason that is named."""
    assert report.flaw is not None
    return report.flaw.why


@pytest.mark.parametrize(("kind", "target"), SCOPES)
@pytest.mark.parametrize(
    ("epoch", "is_good"),
    [(1, True), (2, False), (4, False), (5, True), (6, True), (7, False), (8, False)],
)
def test_a_grant_between_a_kill_and_its_lifting_is_bad_and_after_it_good_until_the_next_kill(
    kind: str, target: str, epoch: int, is_good: object
) -> None:
    controls = [
        set_at(2, "a", kind, target),
        lifted_at(5, "a"),
        set_at(7, "b", kind, target),
    ]
    told = report_of(granted_at(epoch), *controls)
    signed = report_of(granted_at(1), *controls, epoch=epoch)
    started = Said("CallStarted", {"call_id": str(uuid_of("call 1"))}, control_epoch=epoch)
    begun = chained(SESSION, [OPENED, Said("CallProposed", call_body()), started])
    for report in (told, signed, report_of(begun, *controls)):
        assert report.is_good == is_good
        assert is_good or "in force" in why(report)


def test_one_lifting_of_two_kills_of_a_scope_opens_nothing() -> None:
    controls = [set_at(1, "a"), set_at(2, "b"), lifted_at(3, "b")]
    assert "in force" in why(report_of(granted_at(4), *controls))
    assert report_of(granted_at(5), *controls, lifted_at(5, "a")).is_good
    assert "in force" in why(report_of(granted_at(4), *controls, lifted_at(5, "a")))


@pytest.mark.parametrize(
    ("controls", "reason"),
    [
        ([lifted_at(1)], "no event before it set"),
        ([lifted_at(1), set_at(2)], "no event before it set"),
        ([set_at(1), lifted_at(2), lifted_at(3)], "lifted before"),
        ([set_at(1), lifted_at(1)], "no event before it set"),
        ([set_at(1, kind="artifact", target="one"), lifted_at(2)], "never lifted"),
        ([set_at(1), lifted_at(2, asked_by=AGENT)], "alone"),
    ],
)
def test_a_lifting_that_cannot_be_one_is_a_flaw(controls: list[Said], reason: str) -> None:
    assert reason in why(report_of(granted_at(0), *controls))


def test_a_lifting_whose_body_was_erased_lifts_nothing() -> None:
    control = chained(CONTROL, [set_at(1), lifted_at(2)], AGENT)
    control[1] = msgspec.structs.replace(control[1], salt=None, body=None)
    lines = b"".join(bundle_lines(granted_at(2), control, []))
    assert "in force" in why(verify_bundle(io.BytesIO(lines)))


def test_a_lifting_of_a_control_whose_body_was_erased_is_told_as_not_proved() -> None:
    control = chained(CONTROL, [set_at(1), lifted_at(2)], AGENT)
    control[0] = msgspec.structs.replace(control[0], salt=None, body=None)
    report = verify_bundle(io.BytesIO(b"".join(bundle_lines(granted_at(1), control, []))))
    assert report.is_good
    assert any("2 of them did" in sentence for sentence in report.not_proved)


def test_after_the_word_that_a_session_was_bypassed_nothing_is_granted_or_started_in_it() -> None:
    bypassed = Said("SessionBypassed", {"reason": "it went round"}, revision=1)
    proposed, started = Said("CallProposed", call_body()), Said("CallStarted", {"call_id": CALL})
    for said in ([bypassed, proposed], [proposed, bypassed, started]):
        later = [msgspec.structs.replace(one, revision=1) for one in said[-1:]]
        assert "stopped" in why(report_of(chained(SESSION, [OPENED, *said[:-1], *later])))
    assert report_of(chained(SESSION, [OPENED, proposed, bypassed])).is_good


def test_many_kills_of_one_scope_take_no_time_that_is_their_product() -> None:
    count = 3_000
    controls = [
        said
        for n in range(count)
        for said in (
            set_at(2 * n + 1, f"k{n}", "tool", "x"),
            lifted_at(2 * n + 2, f"k{n}"),
        )
    ]
    calls = [
        Said("CallProposed", call_body(n, tool="x"), control_epoch=2 * n) for n in range(count)
    ]
    control = chained(CONTROL, controls, AGENT)
    lines = b"".join(bundle_lines(chained(SESSION, [OPENED, *calls]), control, []))
    began = time.process_time()
    assert verify_bundle(io.BytesIO(lines)).calls == count
    assert time.process_time() - began < 2


def test_the_verifier_reads_the_lifting_and_the_bypass_that_the_service_writes() -> None:
    assert SessionBypassed.__name__ == verifier.SESSION_BYPASSED
    assert ControlLifted.__name__ == verifier.CONTROL_LIFTED
    assert {"control_id", "asked_by"} <= set(ControlLifted.__struct_fields__)
