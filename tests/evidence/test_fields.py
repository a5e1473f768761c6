"""The fence pair."""

import itertools

import msgspec
import pytest

from placet.evidence.fields import Fence


def test_a_fence_is_ordered_by_epoch_and_then_by_number() -> None:
    pairs = list(itertools.product(range(3), range(3)))
    for (e, n), (f, m) in itertools.product(pairs, pairs):
        assert (Fence(epoch=e, n=n) < Fence(epoch=f, n=m)) == ((e, n) < (f, m))
    assert Fence(epoch=2, n=1) > Fence(epoch=1, n=99)


@pytest.mark.parametrize(
    "text",
    [
        b'{"epoch":1}',
        b'{"epoch":1,"n":-1}',
        b'{"epoch":1,"n":9007199254740992}',
        b'{"epoch":1,"n":1,"m":1}',
        b'{"epoch":1,"n":"1"}',
        b'{"epoch":1,"n":true}',
    ],
)
def test_a_fence_in_another_form_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Fence)
