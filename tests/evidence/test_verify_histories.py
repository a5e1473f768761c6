"""Whatever a history tells, several processes find in it what one finds.

What is wrong with these is only what their events say, in chains that are whole: calls granted
twice, started by another session, settled on another's receipt, in whatever order, and kills and
stops between them. `PLACET_TAMPERED` says how many; `test_verify_tampered.py` tells how to run all.
"""

import random  # noqa: TID251 -- from a seed: the same histories each time
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest
from tests.evidence.histories import History, proposed, received, settled
from tests.evidence.tampered import MUTANTS, alike, check, processes_for

from placet.evidence import verify as verifier
from placet.kernel.canonical import canonical

TELLING = (20, 41, 109, 392, 584, 603, 798, 827)
"""Histories in which a call that looks usual is not, each for another reason."""

MANY = MUTANTS // 50
CALL, RECEIPT = str(UUID(int=1)), str(UUID(int=2))


def made(number: int) -> bytes:
    """Return a history by its number, the same each time."""
    return History(random.Random(number)).bundle()  # noqa: S311 -- the same each time


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let several processes read files however small they are."""
    monkeypatch.setattr(verifier, "_WORTH", 0)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("CallProposed", proposed(CALL, "granted", "refund_order")),
        ("CallStarted", {"call_id": CALL, "start_id": RECEIPT}),
        ("ReceiptReceived", received(CALL, RECEIPT, "client_reported")),
        ("CallSettled", settled(CALL, RECEIPT)),
    ],
)
def test_the_histories_say_it_in_the_shape_that_is_read_the_quick_way(
    kind: str, body: dict[str, object]
) -> None:
    assert verifier._shaped_body(kind, canonical(body)) is not None  # noqa: SLF001 -- the way itself


def test_the_histories_are_good_and_bad_for_many_reasons() -> None:
    flaws = [check(made(number)).flaw for number in (*range(60), *TELLING)]
    reasons = Counter(flaw.why for flaw in flaws if flaw is not None)
    assert flaws.count(None) > 20
    assert len(reasons) >= 7


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("number", TELLING)
def test_a_call_that_only_looks_usual_is_found(number: int, tmp_path: Path) -> None:
    assert alike(made(number), tmp_path).flaw is not None


@pytest.mark.usefixtures("in_parts")
def test_several_processes_say_of_every_history_what_one_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(MANY):
        size = (4_000, 12_000, 30_000, 1_000_000)[number % 4]
        monkeypatch.setattr(verifier, "_CHUNK", size)
        alike(made(number), tmp_path, processes_for(number))
