"""Somebody who takes bundles away, and what they look at in them."""

import io
import json
from typing import Any

import httpx
from tests.replay.desk import Desk, Worker

from placet.evidence.verify import verify_bundle
from placet.tenancy.model import Role

BUNDLES = "/api/v1/audit/bundles"


class Auditor:
    """Somebody who may take evidence away."""

    def __init__(self, desk: Desk, key: str) -> None:
        """Stand outside of a desk."""
        self.desk = desk
        self.key = key

    async def take(self, **asked: object) -> list[dict[str, Any]]:
        """Return the lines of a bundle that verifies."""
        data = await self.bytes_of(**asked)
        report = verify_bundle(io.BytesIO(data))
        assert report.flaw is None, report.flaw
        return [json.loads(line) for line in data.splitlines()]

    async def bytes_of(self, **asked: object) -> bytes:
        """Return a bundle as it came."""
        answered = await self.ask(**asked)
        assert answered.status_code == 200, answered.text
        return answered.content

    async def ask(self, **asked: object) -> httpx.Response:
        """Ask for a bundle, and return what was answered."""
        return await self.desk.client.get(
            BUNDLES,
            params={name: str(value) for name, value in asked.items()},
            headers={"Authorization": f"Bearer {self.key}"},
        )


async def auditor_of(desk: Desk) -> Auditor:
    """Return an auditor of a desk's tenant."""
    _, key = await desk.workplace.person("auditor", Role.AUDITOR)
    return Auditor(desk, key)


def of_kind(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["kind"] == kind]


def streams_in(lines: list[dict[str, Any]]) -> dict[str, int]:
    return {head["stream_id"]: head["head_seq"] for head in lines[0]["streams"]}


def kinds_in(lines: list[dict[str, Any]]) -> set[str]:
    return {head["kind"] for head in lines[0]["streams"]}


async def worked(desk: Desk) -> Worker:
    """Return a worker that looked something up."""
    worker = await desk.worker()
    await worker.look_up("ord_aaaaaaaa")
    return worker


async def closed(desk: Desk) -> Worker:
    """Return a worker whose session ended in order."""
    worker = await worked(desk)
    answered = await worker.post("close", {})
    assert answered.status_code == 200, answered.text
    return worker
