"""How long work may be begun under a lease."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from placet.evidence.fields import Fence
from placet.replay.sessions.lease_model import LeaseAnswer
from placet.replay.sessions.refusals import LeaseLost, SessionKilled
from placet.sdk.lease import Lease, Term, next_renewal, term_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def granted(sent: float, *, ttl: int = 15, n: int = 1) -> Term:
    return Term(
        fence=Fence(epoch=1, n=n),
        ttl_seconds=ttl,
        sent=sent,
        received=sent + 0.5,
        expires_at=NOON + timedelta(seconds=ttl),
    )


def held(term: Term) -> Lease:
    lease = Lease("worker-1")
    lease.begin(term, "binding-1")
    return lease


def test_a_term_is_counted_from_the_moment_its_request_was_sent() -> None:
    answer = LeaseAnswer(
        outcome="granted",
        holder="worker-1",
        fence=Fence(epoch=1, n=7),
        lease_expires_at=NOON,
        ttl_seconds=30,
        binding="b",
        state_version=0,
        control_revision=0,
    )
    term = term_of(answer, 100.0, 109.0)
    assert (term.works_until, term.ends, term.renews_at) == (120.0, 130.0, 110.0)


def test_work_is_begun_until_two_thirds_of_the_life_and_not_a_moment_later() -> None:
    lease = held(granted(100.0))
    assert lease.check(109.999).fence == Fence(epoch=1, n=1)
    with pytest.raises(LeaseLost, match="two thirds"):
        lease.check(110.0)


def test_a_renewal_lets_work_go_on() -> None:
    lease = held(granted(100.0))
    lease.begin(granted(105.0), "binding-2")
    assert lease.check(114.9)
    assert lease.binding == "binding-2"


def test_an_answer_that_comes_after_a_later_ones_takes_nothing_back() -> None:
    lease = held(granted(105.0, n=2))
    lease.begin(granted(100.0, n=1), "binding-0")
    assert lease.check(112.0).fence.n == 2
    assert lease.binding == "binding-1"


def test_the_binding_is_that_of_the_request_that_was_sent_last() -> None:
    lease = held(granted(100.0))
    lease.bind("of a later request", 103.0)
    lease.bind("of an earlier request", 102.0)
    lease.bind(None, 104.0)
    assert lease.binding == "of a later request"


def test_without_a_grant_there_is_no_lease() -> None:
    with pytest.raises(LeaseLost):
        Lease("worker-1").check(0.0)


def test_what_the_service_said_ends_the_lease_for_good() -> None:
    lease = held(granted(100.0))
    lease.lose(SessionKilled(detail="an operator stopped it"))
    lease.lose(LeaseLost(detail="a later word"))
    lease.begin(granted(101.0), "binding-2")
    with pytest.raises(SessionKilled, match="an operator stopped it"):
        lease.check(102.0)


def test_a_renewal_is_due_after_a_third_and_tried_again_soon_after_a_failure() -> None:
    term = granted(100.0)
    assert next_renewal(term, 100.0, failed=False) == 5.0
    assert next_renewal(term, 107.0, failed=False) == 0.0
    assert next_renewal(term, 105.0, failed=True) == 1.0
    assert next_renewal(term, 114.8, failed=True) == pytest.approx(0.2)


def test_a_lease_that_has_surely_ended_is_not_renewed() -> None:
    assert next_renewal(granted(100.0), 115.0, failed=False) is None


def test_the_services_time_is_never_guessed_too_early() -> None:
    term = granted(100.0)
    assert term.service_time(100.0) == NOON
    assert term.service_time(103.5) == NOON + timedelta(seconds=3.5)


def test_only_an_unanswered_renewal_makes_a_lease_unanswered() -> None:
    lease = held(granted(100.0))
    lease.miss(unanswered=True)
    assert lease.is_unanswered
    lease.begin(granted(101.0), "binding-2")
    assert not lease.is_unanswered
    lease.miss(unanswered=False)
    assert not lease.is_unanswered


def test_threads_that_bind_at_once_leave_the_latest_binding() -> None:
    lease = held(granted(0.0))
    ready = threading.Barrier(4)

    def bind(offset: int) -> None:
        ready.wait()
        for step in range(500):
            lease.bind(f"{step * 4 + offset}", float(step * 4 + offset))

    threads = [threading.Thread(target=bind, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lease.binding == "1999"


def test_a_lease_shows_its_holder_and_fence() -> None:
    assert repr(held(granted(1.0))) == "Lease(holder='worker-1', fence=1.1)"
