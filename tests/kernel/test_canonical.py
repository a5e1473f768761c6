"""The byte form of our own documents."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from placet.kernel import foreign
from placet.kernel.canonical import INTEGER_MAX, NotCanonicalError, canonical
from placet.kernel.foreign import Json
from placet.kernel.principal import Environment
from placet.kernel.value import Value

KEYS = st.text(
    st.sampled_from('\x01"\\a~\x7f\u00e9\u20ac\ud7ff\ue000\ufb33\uffff\U00010000\U0010ffff')
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=15
)


class Inner(Value, frozen=True):
    """A part of a document."""

    z: int
    a: str


class Document(Value, frozen=True):
    """A document with one of each."""

    when: datetime
    who: UUID
    where: Environment
    raw: bytes
    inner: Inner
    many: tuple[Inner, ...]


@settings(max_examples=500, deadline=None)
@given(DOCUMENTS)
@example({"\ufb33": 1, "\U00010000": 2})
@example({"a": {"\uffff": 1, "\U0010ffff": 2}})
def test_canonical_foreign_and_rfc8785_agree_on_documents_of_ours(document: Json) -> None:
    assert canonical(document) == foreign.encode(document) == rfc8785.dumps(document)


def test_a_struct_becomes_its_sorted_fields() -> None:
    inner = Inner(z=1, a="x")
    document = Document(
        when=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        who=UUID(int=1),
        where=Environment.STAGING,
        raw=b"\xff",
        inner=inner,
        many=(inner,),
    )
    assert canonical(document) == (
        b'{"inner":{"a":"x","z":1},"many":[{"a":"x","z":1}],"raw":"/w==",'
        b'"when":"2026-01-02T03:04:05Z","where":"staging",'
        b'"who":"00000000-0000-0000-0000-000000000001"}'
    )


@pytest.mark.parametrize(
    "bad", [1.0, [0.5], {"a": {"b": 2**53}}, -(2**53), {1: 2}, float("nan"), 10**30]
)
def test_floats_large_integers_and_odd_keys_have_no_canonical_form(bad: object) -> None:
    with pytest.raises(NotCanonicalError):
        canonical(bad)


def test_the_largest_exact_integers_are_taken() -> None:
    assert canonical([INTEGER_MAX, -INTEGER_MAX]) == b"[9007199254740991,-9007199254740991]"
