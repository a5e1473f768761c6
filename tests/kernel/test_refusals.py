"""Refusals, and their way back from a problem document."""

import dataclasses

import pytest

from placet.kernel import refusals
from placet.kernel.refusals import (
    Action,
    Conflict,
    MalformedBody,
    RateLimited,
    Refusal,
    ScopeMissing,
    refusal_for,
)


def _every_class(root: type[Refusal]) -> list[type[Refusal]]:
    below = [found for child in root.__subclasses__() for found in _every_class(child)]
    return [root, *below]


CLASSES = [cls for cls in _every_class(Refusal) if cls.__module__ == refusals.__name__]


def test_a_code_is_the_class_name_in_snake_case_and_the_title_its_first_line() -> None:
    assert ScopeMissing.code() == "scope_missing"
    assert ScopeMissing.title() == "The key lacks the scope that this route needs"


def test_no_two_classes_share_a_code() -> None:
    codes = [cls.code() for cls in _every_class(Refusal)]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_refusal_has_a_title_and_one_action(cls: type[Refusal]) -> None:
    assert cls.title()
    assert isinstance(cls.action, Action)
    assert not cls.hint.endswith(".")


def test_a_refusal_survives_the_way_through_a_problem_document() -> None:
    sent = ScopeMissing(detail="no", scope="operate")
    raised = refusal_for({"code": sent.code(), "detail": sent.detail, **sent.members()})
    assert isinstance(raised, ScopeMissing)
    assert (raised.detail, raised.scope) == ("no", "operate")


def test_the_members_are_every_field_but_detail_and_the_waiting_time() -> None:
    errors = [{"pointer": "/a", "detail": "bad"}]
    assert MalformedBody(detail="x", errors=errors).members() == {"errors": errors}
    assert RateLimited(detail="x", retry_after_seconds=3).members() == {}


def test_the_waiting_time_comes_back() -> None:
    raised = refusal_for({"code": "rate_limited", "detail": "x", "retry_after_seconds": 3})
    assert isinstance(raised, RateLimited)
    assert raised.retry_after_seconds == 3


@pytest.mark.parametrize(
    "problem",
    [
        {"code": "from_a_later_version", "detail": "x"},
        {"code": "scope_missing", "detail": "x"},
        {"code": "malformed_body", "detail": "x", "errors": 7},
    ],
)
def test_a_problem_that_does_not_fit_is_still_a_refusal(problem: dict[str, object]) -> None:
    raised = refusal_for(problem)
    assert type(raised) is Refusal
    assert raised.detail == "x"


def test_the_text_of_a_refusal_is_its_detail_and_its_hint() -> None:
    assert str(Conflict(detail="moved on")) == "moved on"
    assert str(ScopeMissing(detail="no", scope="x")).startswith("no (use a key")


def test_a_conflict_says_reload_unless_it_says_otherwise() -> None:
    assert Conflict.action is Action.RELOAD
    assert refusals.IdempotencyConflict.action is Action.STOP


def test_a_new_kind_of_refusal_registers_itself() -> None:
    @dataclasses.dataclass(kw_only=True, eq=False)
    class TeapotSpilled(Conflict):
        """The teapot was spilled."""

        cups: int

    raised = refusal_for({"code": "teapot_spilled", "detail": "x", "cups": 2})
    assert isinstance(raised, TeapotSpilled)
    assert raised.cups == 2
