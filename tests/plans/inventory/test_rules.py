"""Which versions of tools a report tells of."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from tests.studio.story import LOOKUP, contract

from placet.kernel.ids import TenantId
from placet.kernel.principal import Environment
from placet.plans.inventory import rules
from placet.plans.inventory.model import (
    SCHEMA_BYTES_MAX,
    InventoryTool,
    OfferedTool,
    ToolSchemaTooLarge,
)
from placet.policy.compile import compile_contract
from placet.policy.load import load_policy
from placet.policy.model import Contract
from placet.policy.text.parse import read_contract

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TEXT = "c" * 64


def versions(*tools: OfferedTool) -> list[InventoryTool]:
    return rules.versions_of(
        tools,
        tenant_id=TenantId(UUID(int=1)),
        agent="desk",
        environment=Environment.STAGING,
        now=NOON,
    )


def test_another_description_or_schema_or_name_is_another_version() -> None:
    told = [
        OfferedTool(name="a"),
        OfferedTool(name="b"),
        OfferedTool(name="a", description_hash=TEXT),
        OfferedTool(name="a", input_schema={}),
        OfferedTool(name="a", input_schema=True),
        OfferedTool(name="a", description_hash=TEXT, input_schema={}),
    ]
    found = versions(*told)
    assert len({(one.tool, one.version_hash) for one in found}) == len(told)


def test_a_version_that_is_told_twice_is_one_and_the_order_of_telling_says_nothing() -> None:
    first = OfferedTool(name="b", input_schema={"type": "object", "title": "x"})
    same = OfferedTool(name="b", input_schema={"title": "x", "type": "object"})
    other = OfferedTool(name="a")
    assert versions(first, other, same) == versions(other, first)
    assert [one.tool for one in versions(first, other)] == ["a", "b"]


def test_a_schema_has_the_hash_that_the_compiled_contract_gives_it() -> None:
    read = read_contract(contract(LOOKUP))
    assert isinstance(read, Contract)
    policy = load_policy(compile_contract(read).runtime)
    (one,) = versions(OfferedTool(name="lookup_order", input_schema=LOOKUP["input_schema"]))
    assert one.schema_hash is not None
    assert bytes.fromhex(one.schema_hash) == policy.tools["lookup_order"].schema_hash


def test_a_schema_of_32_kib_is_kept_and_a_larger_one_refused_by_name() -> None:
    fits: dict[str, object] = {"title": "x" * (SCHEMA_BYTES_MAX - len('{"title":""}'))}
    assert len(versions(OfferedTool(name="a", input_schema=fits))[0].input_schema or "") == (
        SCHEMA_BYTES_MAX
    )
    with pytest.raises(ToolSchemaTooLarge) as caught:
        versions(OfferedTool(name="a", input_schema={"title": f"{fits['title']}x"}))
    assert caught.value.tool == "a"
