"""What is told of a run: never more than is known, and nothing that might be redacted."""

import asyncio
import dataclasses
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest

from placet.replay.calls.model import ReceiptStatus
from placet.sdk.errors import NotDone, OutcomeUnknown
from placet.sdk.reports import OUTPUT_MAX, did, fell, never_begun, output_of, status_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 3, 1, 12, 1, tzinfo=UTC)


class ReadTimeoutError(Exception):
    """What an HTTP library raises, and no `TimeoutError` of Python's."""


class RemoteProtocolError(Exception):
    """What another raises where the connection broke, and no `ConnectionError` of Python's."""


def raised_from(cause: BaseException) -> Exception:
    fault = ValueError("wrapped")
    fault.__cause__ = cause
    return fault


def its_own_cause() -> Exception:
    fault = ValueError("round and round")
    fault.__cause__ = fault
    return fault


@pytest.mark.parametrize("is_grave", [False, True])
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (NotDone("the till is closed"), ReceiptStatus.FAILED),
        (TimeoutError(), ReceiptStatus.TIMED_OUT),
        (asyncio.CancelledError(), ReceiptStatus.TIMED_OUT),
        (ConnectionResetError(), ReceiptStatus.TIMED_OUT),
        (ReadTimeoutError(), ReceiptStatus.TIMED_OUT),
        (RemoteProtocolError(), ReceiptStatus.TIMED_OUT),
        (httpx.ReadTimeout("x"), ReceiptStatus.TIMED_OUT),
        (httpx.ReadError("x"), ReceiptStatus.TIMED_OUT),
        (httpx.RemoteProtocolError("x"), ReceiptStatus.TIMED_OUT),
        (raised_from(ConnectionResetError()), ReceiptStatus.TIMED_OUT),
        (ExceptionGroup("g", [ValueError(), TimeoutError()]), ReceiptStatus.TIMED_OUT),
        (OutcomeUnknown(), ReceiptStatus.UNKNOWN),
        (raised_from(OutcomeUnknown()), ReceiptStatus.UNKNOWN),
        (ExceptionGroup("g", [TimeoutError(), OutcomeUnknown()]), ReceiptStatus.UNKNOWN),
        (KeyboardInterrupt(), ReceiptStatus.UNKNOWN),
        (SystemExit(), ReceiptStatus.UNKNOWN),
    ],
)
def test_what_says_nothing_of_the_effect_is_no_failure_and_not_done_always_is(
    fault: BaseException, status: ReceiptStatus, *, is_grave: bool
) -> None:
    assert status_of(fault, is_grave=is_grave) is status
    assert fell(fault, NOON, LATER, is_grave=is_grave).status is status


@pytest.mark.parametrize(
    "fault", [ValueError("x"), OSError("x"), ExceptionGroup("g", [ValueError()]), its_own_cause()]
)
def test_any_other_exception_is_a_failure_but_not_of_a_grave_tool(fault: Exception) -> None:
    assert status_of(fault, is_grave=False) is ReceiptStatus.FAILED
    assert status_of(fault, is_grave=True) is ReceiptStatus.UNKNOWN


def test_an_exceptions_text_stays_here() -> None:
    ran = fell(ValueError("card 4111"), NOON, LATER, is_grave=False)
    assert (ran.error, ran.output) == ("ValueError", None)


def test_a_result_is_told_in_foreign_form() -> None:
    assert did({"b": 1.0, "a": [2**70]}, NOON, LATER).output == f'{{"a":[{2**70}],"b":1}}'
    assert did(None, NOON, LATER).output == "null"


@dataclasses.dataclass
class Order:
    """A result of a class of the tool's own."""

    order_id: UUID
    at: datetime


def test_results_of_common_classes_are_told_as_their_json() -> None:
    told = output_of(Order(UUID(int=1), NOON))
    assert told == f'{{"at":"2026-03-01T12:00:00Z","order_id":"{UUID(int=1)}"}}'


@pytest.mark.parametrize("result", [object(), float("nan"), {1: object()}, lambda: None])
def test_a_result_without_json_form_is_not_told(result: object) -> None:
    assert output_of(result) is None


def test_a_result_that_is_too_large_is_not_told() -> None:
    assert output_of("x" * (OUTPUT_MAX - 2)) is not None
    assert output_of("x" * (OUTPUT_MAX - 1)) is None


def test_a_call_that_was_not_begun_has_failed() -> None:
    ran = never_begun(NOON)
    assert (ran.status, ran.error) == (ReceiptStatus.FAILED, "never_begun")


class Broken(UUID):
    """What a tool may return: nothing can be read of it."""

    def __init__(self) -> None:
        """Hold nothing."""


def test_a_result_that_cannot_even_be_looked_at_is_not_told() -> None:
    assert output_of(Broken()) is None
