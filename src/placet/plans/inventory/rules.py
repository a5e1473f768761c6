"""Which versions of tools a report tells of."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.hashing import digest
from placet.kernel.ids import TenantId
from placet.kernel.principal import Environment
from placet.plans.inventory.model import (
    SCHEMA_BYTES_MAX,
    InventoryTool,
    OfferedTool,
    ToolSchemaTooLarge,
)
from placet.policy.sentences.tools import schema_hash_of


def versions_of(
    tools: Sequence[OfferedTool],
    *,
    tenant_id: TenantId,
    agent: str,
    environment: Environment,
    now: datetime,
) -> list[InventoryTool]:
    """Return each version that is offered once, in the order of the table's key.

    Refuses `tool_schema_too_large`.
    """
    found: dict[tuple[str, str], InventoryTool] = {}
    for tool in tools:
        schema = _schema_text(tool)
        version = version_hash_of(tool.name, tool.description_hash, schema)
        found[tool.name, version] = InventoryTool(
            tenant_id=tenant_id,
            agent=agent,
            environment=environment,
            tool=tool.name,
            version_hash=version,
            description_hash=tool.description_hash,
            schema_hash=None if tool.input_schema is None else schema_hash_of(tool.input_schema),
            input_schema=schema,
            first_seen_at=now,
            last_seen_at=now,
        )
    return [found[key] for key in sorted(found)]


def version_hash_of(name: str, description_hash: str | None, schema: str | None) -> str:
    """Return the hash of one version of a tool, in hex. `schema` is in the foreign form."""
    whole: list[Json] = [name, description_hash, schema]
    return digest("inventory_tool", foreign.encode(whole)).hex()


def _schema_text(tool: OfferedTool) -> str | None:
    if tool.input_schema is None:
        return None
    text = foreign.encode(cast("Json", tool.input_schema))
    if len(text) > SCHEMA_BYTES_MAX:
        raise ToolSchemaTooLarge(
            detail=f"the schema of `{tool.name}` has {len(text):,} bytes", tool=tool.name
        )
    return text.decode()
