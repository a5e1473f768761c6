"""Webhooks over HTTP."""

from typing import Any

import httpx
import pytest
from tests.conftest import Workplace
from tests.studio.story import Story
from tests.webhooks.post import Post

from placet.kernel.ids import Ids

ENDPOINTS = "/api/v1/webhooks/endpoints"
WANTED = {"url": "https://example.com/hook", "name": "the desk", "event_types": ["VoteCast"]}


class Asking:
    """Asks the webhook routes as the founder of a tenant."""

    def __init__(self, client: httpx.AsyncClient, ids: Ids, workplace: Workplace) -> None:
        """Carry the founder's key."""
        self._client = client
        self._ids = ids
        self._bearer = {"Authorization": f"Bearer {workplace.founder_key}"}

    async def post(self, path: str, body: object, key: str | None = None) -> httpx.Response:
        """Change something under an idempotency key."""
        headers = self._bearer | {"Idempotency-Key": key or str(self._ids.new())}
        return await self._client.post(f"{ENDPOINTS}{path}", json=body, headers=headers)

    async def get(self, path: str) -> Any:  # noqa: ANN401 -- JSON
        """Return what stands at a path."""
        answer = await self._client.get(f"{ENDPOINTS}{path}", headers=self._bearer)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def asking(client: httpx.AsyncClient, ids: Ids, workplace: Workplace) -> Asking:
    return Asking(client, ids, workplace)


async def test_a_secret_is_in_the_first_answer_and_in_no_other(asking: Asking) -> None:
    made = await asking.post("", WANTED, "once")
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert secret.startswith("whsec_")
    again = await asking.post("", WANTED, "once")
    assert again.json() == made.json() | {"secret": None}
    endpoint_id = made.json()["endpoint"]["endpoint_id"]
    shown = [await asking.get(""), await asking.get(f"/{endpoint_id}")]
    assert shown[1]["event_types"] == ["VoteCast"]
    assert secret not in str(shown)
    rotated = await asking.post(f"/{endpoint_id}/rotate", {"overlap_seconds": 60}, "turn")
    assert rotated.json()["secret"] not in {None, secret}
    replayed = await asking.post(f"/{endpoint_id}/rotate", {"overlap_seconds": 60}, "turn")
    assert replayed.json() == rotated.json() | {"secret": None}


async def test_endpoints_are_listed_page_by_page_without_those_that_were_removed(
    asking: Asking,
) -> None:
    made = [(await asking.post("", WANTED)).json()["endpoint"]["endpoint_id"] for _ in range(3)]
    removed = await asking.post(f"/{made[0]}/remove", {"reason": "a test"})
    assert removed.json()["status"] == "removed"
    first = await asking.get("?limit=1")
    second = await asking.get(f"?limit=1&cursor={first['next_cursor']}")
    told = [item["endpoint_id"] for page in (first, second) for item in page["items"]]
    assert told == made[1:]
    assert second["next_cursor"] is None


async def test_deliveries_are_listed_newest_first_by_status_and_page_by_page(
    asking: Asking, post: Post, story: Story
) -> None:
    endpoint = await post.endpoint("https://example.com/hook")
    await story.approved()
    path = f"/{endpoint.endpoint_id}/deliveries"
    first = await asking.get(f"{path}?status=due&limit=2")
    second = await asking.get(f"{path}?status=due&limit=2&cursor={first['next_cursor']}")
    told = [item["event_type"] for page in (first, second) for item in page["items"]]
    assert told == ["ApprovalGranted", "VoteCast", "ApprovalRequested"]
    assert (await asking.get(f"{path}?status=dead"))["items"] == []


async def test_a_disabled_endpoint_is_shown_as_such_until_it_is_enabled(asking: Asking) -> None:
    endpoint_id = (await asking.post("", WANTED)).json()["endpoint"]["endpoint_id"]
    for verb, status in (("disable", "disabled"), ("enable", "active")):
        changed = await asking.post(f"/{endpoint_id}/{verb}", {"reason": "a test"})
        assert (changed.status_code, changed.json()["status"]) == (200, status)
        assert (await asking.get(f"/{endpoint_id}"))["status"] == status
