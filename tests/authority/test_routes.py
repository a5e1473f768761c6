"""Keys and artifacts over HTTP."""

import base64

import httpx
from tests.studio.story import Story

from placet.evidence.artifact import verify_artifact
from placet.evidence.dsse import parse_envelope
from placet.evidence.ed25519 import PublicKey

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


async def test_an_artifact_may_be_kept_for_ever(client: httpx.AsyncClient, story: Story) -> None:
    answer = await story.approved()
    path = f"{ARTIFACTS}/{answer.compiled_hash}"
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
