"""Keys and artifacts over HTTP."""

import base64
import itertools
import json

import httpx
from tests.studio.story import AGENT, Story

from placet.authority.model import KeyPurpose, RevokeKey
from placet.authority.server_keys import list_ready
from placet.authority.service import revoke_key
from placet.evidence.artifact import verify_artifact
from placet.evidence.dsse import parse_envelope
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.kernel.principal import Environment
from placet.studio.endings.model import RevokeApproval
from placet.studio.endings.service import revoke_approval
from placet.tenancy.model import Role

KEYS = "/api/v1/authority/keys"
ARTIFACTS = "/api/v1/authority/artifacts"


def bearer(story: Story, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {story.workplace.founder_key}"} | more


async def test_what_is_served_verifies_with_the_keys_that_are_listed(
    client: httpx.AsyncClient, story: Story
) -> None:
    answer = await story.approved()
    listed = (await client.get(KEYS, headers=bearer(story))).json()
    ours = [
        PublicKey(raw=base64.b64decode(key["public_key"]))
        for key in listed["server_keys"]
        if key["purpose"] == "artifact"
    ]
    served = await client.get(f"{ARTIFACTS}/{answer.compiled_hash}", headers=bearer(story))
    assert served.headers["Content-Type"].startswith("application/json")
    payload = verify_artifact(parse_envelope(served.content), ours)
    assert payload.compiled_hash == answer.compiled_hash
    (person,) = listed["person_keys"]
    assert person["confirmed_by"] == []


async def test_an_agent_s_key_is_shown_the_services_keys_and_nobody_s_own(
    client: httpx.AsyncClient, story: Story
) -> None:
    signer = await story.signer()
    await story.workspace(signer)
    async with story.db.writing(story.founder) as tx:
        lost = RevokeKey(reason="lost")
        await revoke_key(tx, signer.key.key_id, lost, story.ids, is_admin=True)
    whole = (await client.get(KEYS, headers=bearer(story))).json()
    _, agent_key = await story.workplace.agent(AGENT, Environment.STAGING)
    headers = {"Authorization": f"Bearer {agent_key}"}
    shown = (await client.get(KEYS, headers=headers)).json()
    assert shown["server_keys"] == whole["server_keys"]
    assert (shown["person_keys"], shown["revocations"]) == ([], [])
    for role in Role:
        if role is not Role.ADMIN:
            _, key = await story.workplace.person(role.value, role)
            headers = {"Authorization": f"Bearer {key}"}
            assert (await client.get(KEYS, headers=headers)).json() == whole
    assert [key["key_id"] for key in whole["person_keys"]] == [signer.key.key_id]
    assert [key["key_id"] for key in whole["revocations"]] == [signer.key.key_id]


async def test_an_agent_s_key_is_shown_the_newest_changes_of_our_keys_alone(
    client: httpx.AsyncClient, story: Story
) -> None:
    keys = [SigningKey.generate() for _ in range(10)]
    for old, new in itertools.pairwise(keys):
        await list_ready(story.db, KeyPurpose.CHECKPOINT, old, new, is_ended=False)
    _, agent_key = await story.workplace.agent(AGENT, Environment.STAGING)
    made = [key.key_id for key in keys[1:]]
    for headers, count in ((bearer(story), 9), ({"Authorization": f"Bearer {agent_key}"}, 8)):
        rotations = (await client.get(KEYS, headers=headers)).json()["server_rotations"]
        shown = [one["new_key_id"] for one in rotations if one["purpose"] == "checkpoint"]
        assert shown[-count:] == made[-count:]
        assert (made[0] in shown) is (count == len(made))


async def test_of_one_hash_the_named_approvals_is_served_or_the_newest_that_is_not_revoked(
    client: httpx.AsyncClient, story: Story
) -> None:
    first = await story.approved(environment=Environment.STAGING)
    second = await story.approved(environment=Environment.DEVELOPMENT)
    assert first.compiled_hash == second.compiled_hash

    async def served(**query: str) -> str:
        path = f"{ARTIFACTS}/{first.compiled_hash}"
        answer = await client.get(path, headers=bearer(story), params=query)
        assert "immutable" in answer.headers["Cache-Control"] or not query
        body = json.loads(base64.b64decode(answer.json()["payload"]))
        return str(body["approval_id"])

    assert await served() == str(second.approval_id)
    assert await served(approval_id=str(first.approval_id)) == str(first.approval_id)
    assert second.approval_id is not None
    async with story.db.writing(story.founder) as tx:
        why = RevokeApproval(reason="wrong")
        await revoke_approval(tx, second.approval_id, why, story.ids, is_operator=True)
    assert await served() == str(first.approval_id)
    nobody = {"approval_id": str(story.ids.new())}
    path = f"{ARTIFACTS}/{first.compiled_hash}"
    lost = await client.get(path, headers=bearer(story), params=nobody)
    assert lost.json()["code"] == "artifact_not_found"


async def test_an_artifact_may_be_kept_for_ever(client: httpx.AsyncClient, story: Story) -> None:
    answer = await story.approved()
    path = f"{ARTIFACTS}/{answer.compiled_hash}?approval_id={answer.approval_id}"
    served = await client.get(path, headers=bearer(story))
    assert "immutable" in served.headers["Cache-Control"]
    tag = served.headers["ETag"]
    again = await client.get(path, headers=bearer(story, **{"If-None-Match": tag}))
    assert (again.status_code, again.content) == (304, b"")


async def test_another_tenants_artifact_and_no_hash_at_all_are_not_found_alike(
    client: httpx.AsyncClient, story: Story, other: Story
) -> None:
    answer = await story.approved()
    details = set()
    for asked in (answer.compiled_hash, "0" * 64, "A" * 64, "nothing"):
        found = await client.get(f"{ARTIFACTS}/{asked}", headers=bearer(other))
        assert (found.status_code, found.json()["code"]) == (404, "artifact_not_found")
        details.add(found.json()["detail"])
    assert len(details) == 1


async def test_a_tenant_lists_no_other_tenants_people(
    client: httpx.AsyncClient, story: Story, other: Story
) -> None:
    await story.approved()
    listed = (await client.get(KEYS, headers=bearer(other))).json()
    assert listed["person_keys"] == []
