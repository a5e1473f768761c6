"""What comes with a request to a tool's host, and what becomes of it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from placet.evidence.fields import Fence
from placet.evidence.grant import Grant, GrantFlaw
from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.kernel.hashing import digest
from placet.kernel.value import Value


class HostedTool(Value, frozen=True):
    """A tool as the contract names it. Use `hosted` to make one from its schema.

    `server` and `schema_hash` are null where the contract has none.
    """

    tool: str
    server: str | None = None
    schema_hash: str | None = None


def hosted(tool: str, server: str | None = None, schema: Json = None) -> HostedTool:
    """Return a tool with the input schema that the contract has for it, or none.

    Raises `ForeignJsonError` for a schema that is no JSON.
    """
    hashed = None if schema is None else digest("tool_schema", foreign.encode(schema)).hex()
    return HostedTool(tool=tool, server=server, schema_hash=hashed)


class SentCall(Value, frozen=True):
    """A call as it reached the host.

    `grant` and `fence` are the texts of the headers `Placet-Grant` and `Placet-Fence`. `arguments`
    is the JSON text of what is about to be run, after whatever was done to it on the way.
    """

    tool: HostedTool
    arguments: bytes
    grant: str | None
    fence: str | None = None

    def __repr__(self) -> str:
        """Show the tool; neither the arguments nor the grant, which whoever has it may use."""
        return f"SentCall({self.tool.tool!r}, fence={self.fence})"


class Visit(Value, frozen=True):
    """A call whose grant is good, for the memory to let in or not."""

    session_id: UUID
    call_id: UUID
    fence: Fence
    expires_at: datetime
    at: datetime


class Met(StrEnum):
    """What the memory says of a visit."""

    NEW = "new"
    SEEN = "seen"
    OVERTAKEN = "overtaken"


class HostFlaw(StrEnum):
    """Why a host runs nothing, beside the flaws of a grant."""

    MISSING = "missing"
    KEY_LIST = "key_list"
    TENANT = "tenant"
    ENVIRONMENT = "environment"
    FENCE = "fence"
    OVERTAKEN = "overtaken"
    SEEN = "seen"
    MEMORY = "memory"


class HostVerdict(Value, frozen=True):
    """Either leave to run the call once, or the first flaw, with words.

    `grant` is set once its signature was good: a flawed call can be told from another's.
    """

    grant: Grant | None
    flaw: HostFlaw | GrantFlaw | None
    detail: str

    @property
    def is_good(self) -> bool:
        """Tell whether the tool may be run, now and once."""
        return self.flaw is None and self.grant is not None
