"""How strongly tools are governed, and how registrations are shown."""

from collections.abc import Iterable

from placet.authority.tool_hosts.model import (
    Strength,
    ToolHost,
    ToolHostRevocation,
    ToolHostView,
)
from placet.kernel.principal import Environment


def strengths_of(hosts: Iterable[ToolHost], environment: Environment) -> dict[str, Strength]:
    """Return the strength of each tool that these hosts run in an environment.

    A tool that more than one of them runs is as strong as the weakest of those: whoever wants to
    get round the check takes that way. A tool that is not there is cooperative.
    """
    found: dict[str, Strength] = {}
    for host in hosts:
        if host.environment is environment:
            for tool in host.tools:
                found[tool] = min(
                    host.strength, found.get(tool, host.strength), key=lambda one: one.rank
                )
    return found


def audiences_of(hosts: Iterable[ToolHost], environment: Environment) -> dict[str, str]:
    """Return the audience of grants by tool: the id of the registration that runs it.

    Registrations of one name are one host, which gets another key or other tools: its grants name
    the oldest, until that is ended. A tool that several hosts run is for none of them alone.
    """
    found: dict[str, ToolHost] = {}
    shared: set[str] = set()
    for host in sorted(hosts, key=lambda one: one.host_id):
        if host.environment is environment:
            for tool in host.tools:
                if found.setdefault(tool, host).name != host.name:
                    shared.add(tool)
    return {tool: str(host.host_id) for tool, host in found.items() if tool not in shared}


def view_of(host: ToolHost, revocation: ToolHostRevocation | None) -> ToolHostView:
    """Return a registration and its end without the tenant, which the reader knows."""
    return ToolHostView(
        host_id=host.host_id,
        name=host.name,
        environment=host.environment,
        strength=host.strength,
        tools=host.tools,
        key_id=host.key_id,
        public_key=host.public_key,
        registered_by=host.registered_by,
        registered_at=host.registered_at,
        revoked_by=None if revocation is None else revocation.revoked_by,
        revoke_reason=None if revocation is None else revocation.reason,
        revoked_at=None if revocation is None else revocation.revoked_at,
    )
