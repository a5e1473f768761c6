"""A session is as strong as the weakest tool that it may write with."""

import base64
from typing import Any

from tests.replay.desk import CONTRACT, Desk

from placet.authority.tool_hosts.model import Strength
from placet.evidence.ed25519 import SigningKey
from placet.policy.compile import compile_contract
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract, SideEffect
from placet.policy.text.parse import read_contract
from placet.replay.sessions.model import SessionTier
from placet.replay.sessions.rules import tier_of

WRITES = [tool["tool"] for tool in CONTRACT["tools"] if tool["side_effect"] != "read"]
VERIFIED, PROXIED = Strength.VERIFIED, Strength.PROXIED


def policy(**session: object) -> Policy:
    changed = CONTRACT | {"session": CONTRACT["session"] | session}
    contract = read_contract(changed)
    assert isinstance(contract, Contract)
    return load_policy(compile_contract(contract).runtime)


def test_the_weakest_tool_that_writes_gives_the_tier_and_reads_do_not_matter() -> None:
    verified = dict.fromkeys(WRITES, VERIFIED)
    assert tier_of(policy(), verified) is SessionTier.GOVERN
    assert tier_of(policy(), verified | {"note": PROXIED}) is SessionTier.PROTECT
    assert tier_of(policy(), verified | {"note": Strength.COOPERATIVE}) is SessionTier.MONITOR
    del verified["note"]
    assert tier_of(policy(), verified) is SessionTier.MONITOR


def test_nothing_is_claimed_where_other_tools_pass_or_none_writes() -> None:
    verified = dict.fromkeys(WRITES, VERIFIED)
    assert tier_of(policy(unmatched_tools="ask"), verified) is SessionTier.MONITOR
    reads = read_contract(CONTRACT | {"tools": CONTRACT["tools"][:1]})
    assert isinstance(reads, Contract)
    assert reads.tools[0].side_effect is SideEffect.READ
    loaded = load_policy(compile_contract(reads).runtime)
    assert tier_of(loaded, verified) is SessionTier.MONITOR


async def register(desk: Desk, strength: str, *tools: str, environment: str = "staging") -> str:
    key = base64.b64encode(SigningKey.generate().public.raw).decode()
    asked = {
        "name": "till",
        "environment": environment,
        "strength": strength,
        "tools": tools,
        "public_key": key,
    }
    made = await desk.post("/api/v1/authority/tool-hosts", asked, desk.workplace.founder_key)
    assert made.status_code == 201, made.text
    return str(made.json()["host_id"])


async def opened(desk: Desk) -> Any:  # noqa: ANN401 -- JSON
    worker = await desk.worker()
    (first, *_) = await worker.events()
    assert first["body"]["tier"] == (await worker.read())["tier"]
    return first["body"]["tier"]


async def test_sessions_that_are_opened_take_the_tier_of_the_hosts_that_count_then(
    desk: Desk,
) -> None:
    await register(desk, "verified", *WRITES, environment="production")
    tiers = [await opened(desk)]
    host_id = await register(desk, "verified", *WRITES)
    worker = await desk.worker()
    tiers.append((await worker.read())["tier"])
    await register(desk, "proxied", "note")
    tiers.append(await opened(desk))
    path = f"/api/v1/authority/tool-hosts/{host_id}/revoke"
    revoked = await desk.post(path, {"reason": "over"}, desk.operator_key)
    assert revoked.status_code == 200, revoked.text
    tiers.append(await opened(desk))
    assert tiers == ["monitor", "govern", "protect", "monitor"]
    assert (await worker.read())["tier"] == "govern"
