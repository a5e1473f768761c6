"""The shop's own database: what its tools do, and what it refuses."""

from pathlib import Path
from uuid import UUID, uuid5

import pytest

from placet.cli.demo.shop import Shop, StaleFence, Visit
from placet.cli.demo.turns import CHAIR, LAMP

SESSION = UUID("01980000-0000-7000-8000-000000000001")


def visit(call: str, fence: str = "1.1", session: UUID = SESSION) -> Visit:
    return Visit(session_id=session, call_id=uuid5(SESSION, call), fence=fence)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    found = Shop(tmp_path / "orders.sqlite")
    found.open_for_business()
    return found


def test_a_call_that_is_repeated_pays_once(shop: Shop) -> None:
    first = shop.refund(visit("a"), LAMP, 100)
    assert shop.refund(visit("a"), LAMP, 100) == first
    assert [refund.amount_cents for refund in shop.refunds()] == [100]


def test_the_shop_itself_would_pay_an_order_twice(shop: Shop) -> None:
    shop.refund(visit("a"), LAMP, 100)
    shop.refund(visit("b"), LAMP, 100)
    assert len(shop.refunds()) == 2
    assert shop.orders_refunded() == 1


@pytest.mark.parametrize(("seen", "comes"), [("1.2", "1.1"), ("1.10", "1.9"), ("2.1", "1.7")])
def test_a_lower_fence_than_one_that_was_seen_writes_nothing_and_is_noted(
    shop: Shop, seen: str, comes: str
) -> None:
    shop.look_up(visit("a", seen), CHAIR)
    with pytest.raises(StaleFence, match=f"fence {comes} is older than {seen}"):
        shop.refund(visit("b", comes), CHAIR, 100)
    assert shop.refunds() == []
    assert shop.refused_writes() == 1


def test_the_same_and_a_higher_fence_pass_and_another_session_has_its_own(shop: Shop) -> None:
    shop.refund(visit("a", "1.2"), CHAIR, 100)
    shop.refund(visit("b", "1.2"), CHAIR, 100)
    shop.refund(visit("c", "1.3"), CHAIR, 100)
    shop.refund(visit("d", "1.1", session=UUID(int=7)), CHAIR, 100)
    assert len(shop.refunds()) == 4
    assert shop.refused_writes() == 0


def test_an_order_that_is_not_there_is_not_found(shop: Shop) -> None:
    with pytest.raises(LookupError, match="ord_00000000"):
        shop.look_up(visit("a"), "ord_00000000")
