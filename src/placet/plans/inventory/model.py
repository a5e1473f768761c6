"""Tools as an agent offers them, and the versions of them that were seen."""

import dataclasses
from datetime import datetime
from typing import Annotated, Final

import msgspec

from placet.evidence.fields import HexDigest
from placet.kernel.ids import TenantId
from placet.kernel.paging import Page
from placet.kernel.principal import Environment
from placet.kernel.refusals import Invalid
from placet.kernel.value import Input, Value

TOOLS_MAX: Final = 500
VERSIONS_MAX: Final = 1_000
SCHEMA_BYTES_MAX: Final = 32 * 1024

ToolName = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
"""A tool's name as the model sees it."""


class OfferedTool(Input, frozen=True):
    """A tool that an agent offers to its model.

    `description_hash` is SHA-256 of the description's UTF-8, in hex. Both it and the schema are
    null where the process does not know them.
    """

    name: ToolName
    description_hash: HexDigest | None = None
    input_schema: dict[str, object] | bool | None = None


class InventoryTool(Value, frozen=True):
    """One version of a tool that an agent offers, and when it was seen first and last.

    `version_hash` covers name, description hash and schema. `input_schema` is JSON text in the
    foreign form, the one that `schema_hash` is made over.
    """

    tenant_id: TenantId
    agent: str
    environment: Environment
    tool: str
    version_hash: HexDigest
    description_hash: HexDigest | None
    schema_hash: HexDigest | None
    input_schema: str | None
    first_seen_at: datetime
    last_seen_at: datetime


class InventoryQuery(Input, frozen=True):
    """Whose tools are listed, how many, and from where."""

    agent: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    environment: Environment
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: Annotated[str, msgspec.Meta(min_length=1, max_length=512)] | None = None


class ToolView(Value, frozen=True):
    """One version of a tool, as it is shown."""

    tool: str
    version_hash: HexDigest
    description_hash: HexDigest | None
    schema_hash: HexDigest | None
    input_schema: msgspec.Raw
    first_seen_at: datetime
    last_seen_at: datetime


InventoryPage = Page[ToolView]


@dataclasses.dataclass(kw_only=True, eq=False)
class ToolSchemaTooLarge(Invalid):
    """The input schema of a tool is larger than is kept."""

    hint = "leave the schema of this tool out, or make it smaller than 32 KiB"

    tool: str
