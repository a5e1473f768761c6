"""How strong a tool is, follows from the hosts that run it."""

from datetime import UTC, datetime
from uuid import UUID

from placet.authority.tool_hosts.model import Strength, ToolHost
from placet.authority.tool_hosts.rules import strengths_of
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment

PRODUCTION, STAGING = Environment.PRODUCTION, Environment.STAGING
COOPERATIVE, PROXIED, VERIFIED = Strength


def host(strength: Strength, *tools: str, environment: Environment = PRODUCTION) -> ToolHost:
    return ToolHost(
        tenant_id=TenantId(UUID(int=1)),
        host_id=UUID(int=2),
        name="h",
        environment=environment,
        strength=strength,
        tools=list(tools),
        key_id="ab" * 32,
        public_key=bytes(32),
        registered_by=ActorId(UUID(int=3)),
        registered_at=datetime(2026, 3, 1, tzinfo=UTC),
    )


def test_a_tool_is_as_strong_as_the_host_that_runs_it_in_that_environment() -> None:
    hosts = [host(VERIFIED, "pay", "refund"), host(PROXIED, "pay", environment=STAGING)]
    assert strengths_of(hosts, PRODUCTION) == {"pay": VERIFIED, "refund": VERIFIED}
    assert strengths_of(hosts, STAGING) == {"pay": PROXIED}


def test_a_tool_of_two_hosts_is_as_strong_as_the_weaker() -> None:
    one, other = host(VERIFIED, "pay"), host(PROXIED, "pay")
    for hosts in ([one, other], [other, one]):
        assert strengths_of(hosts, PRODUCTION) == {"pay": PROXIED}


def test_the_strengths_have_one_order() -> None:
    assert sorted(Strength, key=lambda one: one.rank) == [COOPERATIVE, PROXIED, VERIFIED]
