"""A host runs a call only with a grant that covers it, and only once."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.sdk.host.desk import (
    ARGUMENTS,
    GRANT,
    KEY,
    NOON,
    OTHER_KEY,
    PAY,
    SetClock,
    changed,
    host,
    sent,
    text_of,
)

from placet.evidence.fields import Fence
from placet.evidence.grant import GrantFlaw
from placet.kernel.principal import Environment
from placet.sdk.host.check import parse_fence
from placet.sdk.host.keys import GivenKeys, KeyFile
from placet.sdk.host.memory import MemoryFailed
from placet.sdk.host.model import HostFlaw, Met, SentCall, Visit, hosted
from placet.sdk.host.sqlite import SqliteMemory


def sent_as(**changes: Any) -> SentCall:  # noqa: ANN401 -- any field of a call
    return msgspec.structs.replace(sent(), **changes)


def test_a_granted_call_is_let_in_and_its_grant_is_told() -> None:
    verdict = host().check(sent())
    assert verdict.is_good
    assert verdict.grant == GRANT


def test_a_refused_call_that_is_withdrawn_is_let_in_no_more() -> None:
    one = host()
    refused = one.check(sent(arguments=b"{}"))
    assert (refused.flaw, refused.grant) == (GrantFlaw.ARGUMENTS, GRANT)
    assert one.withdraw(GRANT)
    assert one.check(sent()).flaw is HostFlaw.SEEN
    assert not one.withdraw(GRANT)


def test_a_call_that_was_let_in_is_not_withdrawn() -> None:
    one = host()
    assert one.check(sent()).is_good
    assert not one.withdraw(GRANT)


def test_a_call_of_an_overtaken_caller_is_not_withdrawn_since_it_may_have_been_here() -> None:
    one = host()
    assert one.check(sent()).is_good
    assert one.check(sent(changed(call_id=UUID(int=9), fence=Fence(epoch=2, n=1)))).is_good
    assert not one.withdraw(GRANT)


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({}, {"tenant_id": UUID(int=9)}),
        ({}, {"environment": Environment.STAGING}),
        ({}, {"audience": "other"}),
        ({"audience": "till"}, {"audience": "other"}),
        ({"audience": "till"}, {"audience": None}),
    ],
)
def test_a_call_that_another_host_may_take_is_not_withdrawn_here(
    options: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert not host(**options).withdraw(changed(**changes))


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({"audience": "till"}, {"audience": "till"}),
        ({"audience": "till", "takes_unbound": True}, {"audience": None}),
    ],
)
def test_a_call_that_is_for_this_host_is_withdrawn(
    options: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert host(**options).withdraw(changed(**changes))


def test_the_arguments_count_as_values_and_not_as_text() -> None:
    spaced = b' { "amount_cents" : 7e2 , "order_id" : "ord_\\u0031" } '
    assert host().check(sent(arguments=spaced)).is_good


@pytest.mark.parametrize(
    ("call", "flaw"),
    [
        (sent(grant=GRANT, key=OTHER_KEY), GrantFlaw.SIGNATURE),
        (sent(arguments=ARGUMENTS.replace(b"700", b"701")), GrantFlaw.ARGUMENTS),
        (sent(arguments=b"[]"), GrantFlaw.ARGUMENTS),
        (sent(arguments=b'{"order_id":"a","order_id":"b"}'), GrantFlaw.ARGUMENTS),
        (sent(tool=msgspec.structs.replace(PAY, tool="refund")), GrantFlaw.TOOL),
        (sent(tool=msgspec.structs.replace(PAY, server=None)), GrantFlaw.SERVER),
        (sent(tool=hosted("pay", "orders", {"type": "object"})), GrantFlaw.TOOL_SCHEMA),
        (sent(changed(tenant_id=UUID(int=9))), HostFlaw.TENANT),
        (sent(changed(environment=Environment.STAGING)), HostFlaw.ENVIRONMENT),
        (sent(changed(audience="elsewhere")), GrantFlaw.AUDIENCE),
        (sent(fence="1.5"), HostFlaw.FENCE),
        (sent(fence="x"), HostFlaw.FENCE),
        (sent_as(grant=None), HostFlaw.MISSING),
        (sent_as(grant=""), GrantFlaw.MALFORMED),
        (sent_as(grant="§"), GrantFlaw.MALFORMED),
        (sent_as(grant="a"), GrantFlaw.MALFORMED),
        (sent_as(grant="A" * 20_000), GrantFlaw.MALFORMED),
        (sent_as(grant=text_of() + ",x"), GrantFlaw.MALFORMED),
    ],
)
def test_any_other_call_is_refused_and_leaves_no_trace(
    call: SentCall, flaw: HostFlaw | GrantFlaw
) -> None:
    here = host()
    verdict = here.check(call)
    assert verdict.flaw is flaw
    assert verdict.detail
    assert here.check(sent()).is_good


def test_a_grant_for_one_host_is_taken_there_and_nowhere_else() -> None:
    bound = sent(changed(audience="here"))
    assert host(audience="here").check(bound).is_good
    assert host(audience=["there", "here"]).check(bound).is_good
    assert host(audience="there").check(bound).flaw is GrantFlaw.AUDIENCE
    assert host(audience="ere").check(bound).flaw is GrantFlaw.AUDIENCE


def test_a_host_that_names_itself_takes_a_grant_for_nobody_only_where_it_says_so() -> None:
    assert host().check(sent()).is_good
    assert host(audience="here").check(sent()).flaw is GrantFlaw.AUDIENCE
    assert host(audience="here", takes_unbound=True).check(sent()).is_good
    assert host(takes_unbound=False).check(sent()).flaw is GrantFlaw.AUDIENCE


def test_a_call_is_let_in_once() -> None:
    here = host()
    assert here.check(sent()).is_good
    verdict = here.check(sent())
    assert (verdict.flaw, verdict.grant) == (HostFlaw.SEEN, GRANT)
    assert here.check(sent(changed(call_id=UUID(int=4)))).is_good


@pytest.mark.parametrize("later", [Fence(epoch=1, n=5), Fence(epoch=2, n=1)])
def test_a_caller_who_was_overtaken_is_refused_and_another_session_is_not(later: Fence) -> None:
    here = host()
    assert here.check(sent(changed(call_id=UUID(int=4), fence=later))).is_good
    assert here.check(sent()).flaw is HostFlaw.OVERTAKEN
    assert here.check(sent(changed(session_id=UUID(int=8)))).is_good


def test_a_refused_grant_raises_no_fence() -> None:
    here = host()
    late = changed(fence=Fence(epoch=9, n=9), tenant_id=UUID(int=9))
    assert here.check(sent(late)).flaw is HostFlaw.TENANT
    assert here.check(sent()).is_good


@pytest.mark.parametrize(
    ("seconds", "flaw"),
    [
        (-6, GrantFlaw.NOT_YET),
        (-5, None),
        (54, None),
        (55, GrantFlaw.EXPIRED),
        (3_600, GrantFlaw.EXPIRED),
        (-3_600, GrantFlaw.NOT_YET),
    ],
)
def test_a_clock_is_trusted_as_far_as_its_skew_and_never_past_the_expiry(
    seconds: int, flaw: GrantFlaw | None
) -> None:
    clock = SetClock(NOON + timedelta(seconds=seconds))
    assert host(clock=clock).check(sent()).flaw is flaw


def test_keys_that_nobody_looked_after_are_not_trusted_any_more() -> None:
    old = GivenKeys(KEY.public, as_of=NOON - timedelta(days=1, seconds=1))
    young = GivenKeys(KEY.public, as_of=NOON - timedelta(days=1))
    assert host(keys=old).check(sent()).flaw is HostFlaw.KEY_LIST
    assert host(keys=young).check(sent()).is_good
    assert host(keys=old, keys_age_max=timedelta(days=2)).check(sent()).is_good


def test_keys_that_cannot_be_read_let_nothing_in(tmp_path: Path) -> None:
    verdict = host(keys=KeyFile(tmp_path / "none.json")).check(sent())
    assert verdict.flaw is HostFlaw.KEY_LIST
    assert "none.json" in verdict.detail


class Forgetful:
    """A memory that cannot be written."""

    def admit(self, visit: Visit) -> Met:
        """Fail."""
        raise MemoryFailed(str(visit.call_id))

    def is_overtaken(self, session_id: UUID, fence: Fence, at: datetime) -> bool:
        """Fail."""
        raise MemoryFailed(session_id, fence, at)


def test_a_host_that_cannot_remember_lets_nothing_in() -> None:
    verdict = host(memory=Forgetful()).check(sent())
    assert (verdict.flaw, verdict.is_good) == (HostFlaw.MEMORY, False)


def test_a_memory_whose_file_is_gone_lets_nothing_in(tmp_path: Path) -> None:
    folder = tmp_path / "host"
    folder.mkdir()
    here = host(SqliteMemory(folder / "host.db"))
    shutil.rmtree(folder)
    assert here.check(sent()).flaw is HostFlaw.MEMORY


def test_a_fence_alone_tells_who_was_overtaken() -> None:
    here, session = host(), UUID(int=7)
    assert not here.is_overtaken(session, "1.4")
    assert not here.is_overtaken(session, "1.4")
    assert not here.is_overtaken(session, "1.10")
    assert here.is_overtaken(session, "1.9")
    assert here.is_overtaken(session, "no fence")


def test_a_fence_alone_takes_no_call_with_a_grant_away() -> None:
    here = host()
    assert not here.is_overtaken(GRANT.session_id, "9007199254740991.1")
    assert here.check(sent()).is_good


@pytest.mark.parametrize(
    "text", ["", ".", "1.", ".1", "1.2.3", "-1.2", "1. 2", "²." + "1", "9" * 17 + ".1"]
)
def test_what_is_no_fence_is_read_as_none(text: str) -> None:
    assert parse_fence(text) is None


def test_a_call_shows_neither_its_arguments_nor_its_grant() -> None:
    assert "ord_1" not in repr(sent())
    assert text_of() not in repr(sent())
