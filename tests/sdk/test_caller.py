"""Reading what comes back, and building what goes out."""

from uuid import UUID

import msgspec
import pytest

from placet.kernel.clock import SystemClock
from placet.kernel.ids import SystemIds
from placet.kernel.refusals import GovernanceUnavailable, MalformedBody, RateLimited, Refusal
from placet.replay.sessions.lease_model import LeaseAnswer
from placet.replay.sessions.refusals import LeaseHeld
from placet.sdk.caller import Caller, Heard, json_body, path_of, query_of, read, refusal_in
from placet.sdk.client import Client
from placet.sdk.transport import HttpRequest, HttpResponse, HttpxTransport

KEY = "plc_dev_abcdefghijkl_secretsecretsecret"


def problem(body: object, **headers: str) -> HttpResponse:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return HttpResponse(status=409, headers=headers, body=raw)


def test_a_refusal_comes_back_in_the_class_that_the_service_raised() -> None:
    refusal = refusal_in(
        problem(
            {
                "code": "lease_held",
                "detail": "held",
                "holder": "worker-2",
                "lease_expires_at": "2026-03-01T12:00:00Z",
            }
        )
    )
    assert isinstance(refusal, LeaseHeld)
    assert refusal.holder == "worker-2"


def test_retry_after_counts_where_the_body_is_silent() -> None:
    body = {"code": "rate_limited", "detail": "slow down"}
    refusal = refusal_in(problem(body, **{"retry-after": "7"}))
    assert isinstance(refusal, RateLimited)
    assert refusal.retry_after_seconds == 7
    told = refusal_in(problem(body | {"retry_after_seconds": 2}, **{"retry-after": "7"}))
    assert told.retry_after_seconds == 2


@pytest.mark.parametrize("after", ["", "-1", "soon", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "٣"])
def test_a_retry_after_that_is_no_count_of_seconds_is_left_out(after: str) -> None:
    refusal = refusal_in(problem({"code": "rate_limited", "detail": "x"}, **{"retry-after": after}))
    assert refusal.retry_after_seconds is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff"])
def test_a_problem_that_cannot_be_read_is_a_plain_refusal(body: bytes) -> None:
    assert type(refusal_in(problem(body))) is Refusal


def test_a_code_of_a_newer_service_is_a_plain_refusal_with_its_words() -> None:
    refusal = refusal_in(problem({"code": "not_known_yet", "detail": "the words"}))
    assert (type(refusal), refusal.detail) == (Refusal, "the words")


def test_members_of_a_refusal_come_with_it() -> None:
    errors = [{"pointer": "/a", "detail": "wrong"}]
    refusal = refusal_in(problem({"code": "malformed_body", "detail": "x", "errors": errors}))
    assert isinstance(refusal, MalformedBody)
    assert refusal.errors == errors


@pytest.mark.parametrize("body", [b"", b"{}", b'{"outcome":1}', b"<html>"])
def test_an_answer_that_cannot_be_understood_permits_nothing(body: bytes) -> None:
    heard = Heard(response=HttpResponse(status=200, headers={}, body=body), sent=0.0, received=0.0)
    with pytest.raises(GovernanceUnavailable):
        read(heard, LeaseAnswer)


def test_a_body_leaves_out_what_was_not_given() -> None:
    assert bytes(json_body(a=1, b=None, c=[])) == b'{"a":1,"c":[]}'


def test_a_path_takes_ids_and_nothing_that_leads_elsewhere() -> None:
    assert path_of("/x/{id}/y", id=UUID(int=1)) == f"/x/{UUID(int=1)}/y"
    for bad in ("", "a/b", "..", "a?b", "a%2f", "a#b"):
        with pytest.raises(ValueError, match="no id"):
            path_of("/x/{id}", id=bad)


def test_a_query_is_escaped_and_may_be_empty() -> None:
    assert query_of({"agent": "a b&c", "n": None, "limit": 5}) == "?agent=a+b%26c&limit=5"
    assert query_of({"n": None}) == ""


@pytest.mark.parametrize(("mark", "told"), [("prd", "development"), ("dev", "production")])
def test_a_client_takes_the_stricter_of_its_keys_mark_and_its_own_word(
    mark: str, told: str
) -> None:
    client = Client("http://127.0.0.1:9", f"plc_{mark}_abcdefghijkl_x", environment=told)
    assert "environment=production" in repr(client)


def test_nothing_shows_the_key() -> None:
    transport = HttpxTransport("http://127.0.0.1:9")
    client = Client("http://127.0.0.1:9", KEY)
    request = HttpRequest(
        method="GET", path="/", headers={"Authorization": f"Bearer {KEY}"}, timeout_seconds=1.0
    )
    shown = [
        repr(client),
        repr(client.session()),
        repr(request),
        repr(Caller(transport, KEY, SystemClock(), SystemIds())),
    ]
    assert not [text for text in shown if "secret" in text]
    assert "development" in shown[0]
