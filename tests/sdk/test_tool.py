"""A callable as a tool: by name, with the context where it asks for it."""

import functools
import inspect
from collections.abc import Callable
from uuid import UUID

import pytest

from placet.kernel.foreign import ForeignJsonError
from placet.sdk.arguments import arguments_of
from placet.sdk.tool import Tool, ToolContext, current_context

CONTEXT = ToolContext(tool="pay", call_id=UUID(int=7), grant="c2lnbmVk", fence="1.4")


def pay(order_id: str, amount: int = 5, *, note: str | None = None) -> dict[str, object]:
    return {"order_id": order_id, "amount": amount, "note": note}


def test_arguments_are_named_however_they_were_given() -> None:
    tool = Tool(pay)
    assert tool.arguments(("o1", 3), {}) == tool.arguments((), {"amount": 3, "order_id": "o1"})


def test_a_default_that_was_not_given_is_no_argument() -> None:
    assert Tool(pay).arguments(("o1",), {}).read() == {"order_id": "o1"}


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), (("o1",), {"order_id": "o2"}), (("o1",), {"colour": "red"}), (("o1", 2, 3), {})],
)
def test_a_call_that_does_not_fit_is_refused_before_anything_is_asked(
    args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    with pytest.raises(TypeError):
        Tool(pay).arguments(args, kwargs)


def test_a_value_that_is_no_json_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(ForeignJsonError):
        Tool(pay).arguments((object(),), {})


def test_the_callable_gets_the_arguments_as_they_were_granted() -> None:
    lines = ["a"]
    seen: list[object] = []

    def order(lines: list[str]) -> None:
        seen.append(lines)

    tool = Tool(order)
    granted = tool.arguments((lines,), {})
    lines.append("slipped in after the grant")
    tool.call(granted, CONTEXT)
    assert seen == [["a"]]


def test_the_context_is_given_where_it_is_annotated_and_is_no_argument() -> None:
    def plain(order_id: str, context: ToolContext) -> tuple[str, ToolContext]:
        return order_id, context

    def optional(order_id: str, *, call: ToolContext | None = None) -> tuple[str, object]:
        return order_id, call

    def quoted(order_id: str, call: "ToolContext | None" = None) -> tuple[str, object]:
        return order_id, call

    def leading(call: ToolContext, /, order_id: str) -> tuple[str, object]:
        return order_id, call

    for function in (plain, optional, quoted, leading):
        tool = Tool(function)
        assert tool.call(arguments_of({"order_id": "o1"}), CONTEXT) == ("o1", CONTEXT)
        assert list(tool.shown_signature.parameters) == ["order_id"]


def test_nobody_else_can_give_the_context() -> None:
    def tool(order_id: str, context: ToolContext) -> None: ...

    forged = arguments_of({"order_id": "o1", "context": "mine"})
    assert "context" in str(Tool(tool).misfit(forged))
    with pytest.raises(TypeError):
        Tool(tool).call(forged, CONTEXT)


def test_the_context_stands_around_a_call_and_nowhere_else() -> None:
    seen: list[object] = []
    Tool(lambda: seen.append(current_context()), "look").call(arguments_of({}), CONTEXT)
    assert seen == [CONTEXT]
    assert current_context() is None


async def test_the_context_stands_around_an_async_call_until_it_ends() -> None:
    async def look() -> object:
        return current_context()

    tool = Tool(look)
    assert tool.is_async
    assert await tool.call_async(arguments_of({}), CONTEXT) == CONTEXT
    assert current_context() is None


def test_positional_only_and_collected_keywords_come_through() -> None:
    def mixed(first: int, /, second: int, **rest: int) -> tuple[object, ...]:
        return first, second, rest

    tool = Tool(mixed)
    granted = tool.arguments((1, 2), {"third": 3})
    assert granted.read() == {"first": 1, "second": 2, "third": 3}
    assert tool.call(granted, CONTEXT) == (1, 2, {"third": 3})


def test_arguments_without_names_cannot_be_governed() -> None:
    def total(*amounts: int) -> int:
        return sum(amounts)

    with pytest.raises(TypeError, match="name the arguments"):
        Tool(total)


class Desk:
    """Tools that are methods and objects."""

    async def close(self, case_id: str) -> str:
        """Close a case."""
        return case_id

    async def __call__(self, case_id: str) -> str:
        """Close a case too."""
        return case_id


@pytest.mark.parametrize(
    ("function", "is_async"),
    [
        (pay, False),
        (Desk().close, True),
        (Desk(), True),
        (functools.partial(Desk().close, case_id="c"), True),
        (functools.partial(pay, "o"), False),
    ],
)
def test_methods_objects_and_partials_are_known_for_what_they_are(
    function: Callable[..., object], *, is_async: bool
) -> None:
    assert Tool(function, "named").is_async is is_async


def test_a_misfit_is_told_and_a_fit_is_not() -> None:
    tool = Tool(pay)
    assert tool.misfit(arguments_of({"order_id": "o1"})) is None
    assert "amuont" in str(tool.misfit(arguments_of({"order_id": "o1", "amuont": 1})))


def test_stop_iteration_does_not_leave_a_tool_as_such() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        Tool(lambda: next(iter([])), "empty").call(arguments_of({}), CONTEXT)


def test_the_hosts_headers_carry_grant_fence_and_idempotency_key() -> None:
    assert CONTEXT.headers() == {
        "Idempotency-Key": str(UUID(int=7)),
        "Placet-Grant": "c2lnbmVk",
        "Placet-Fence": "1.4",
    }
    bare = ToolContext(tool="pay", call_id=UUID(int=7))
    assert list(bare.headers()) == ["Idempotency-Key"]


def test_a_context_shows_no_grant() -> None:
    assert "c2lnbmVk" not in repr(CONTEXT)


def test_a_frameworks_view_of_the_signature_has_no_context() -> None:
    def tool(order_id: str, context: ToolContext) -> None: ...

    assert str(Tool(tool).shown_signature) == str(
        inspect.Signature(
            [
                inspect.Parameter(
                    "order_id", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str
                )
            ],
            return_annotation=None,
        )
    )
