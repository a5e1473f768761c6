"""Workers that govern calls as fast as they are answered, until their service is killed."""

import contextlib
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.invariants.service import Service
from tests.invariants.stage import NOTE
from tests.replay.desk import Worker

OK = 200


@dataclass(frozen=True)
class Ack:
    """A request that was answered with 200, and the ids that its answer told."""

    worker: Worker
    verb: str
    body: dict[str, Any]
    told: tuple[str, ...]

    async def holds(self, service: Service) -> bool:
        """Tell whether the same request again, to another service, is answered as the first."""
        again = await service.worker(self.worker).post(self.verb, self.body)
        return again.status_code == OK and (
            bool(again.json()["replayed"]) and ids_in(again.json()) == self.told
        )


@dataclass
class Load:
    """What was acknowledged so far. The request that makes it enough kills the service at once."""

    dying: Service
    enough: int
    acks: list[Ack] = field(default_factory=list)

    async def govern(self, worker: Worker) -> None:
        """Take calls from preflight to commit until the service is gone."""
        with contextlib.suppress(httpx.TransportError):
            while True:
                proposal = worker.proposal(await worker.prepare(), NOTE)
                proposed = await self._send(worker, "proposals", proposal)
                receipt = worker.receipt(proposed["calls"][0], output={})
                await self._send(worker, "receipts", receipt)

    async def _send(self, worker: Worker, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        answered = await worker.post(verb, body)
        assert answered.status_code == OK, answered.text
        told: dict[str, Any] = answered.json()
        self.acks.append(Ack(worker, verb, body, ids_in(told)))
        if len(self.acks) == self.enough:
            self.dying.kill()
        return told


def ids_in(told: dict[str, Any]) -> tuple[str, ...]:
    """Return the ids of the calls and the receipt that an answer tells of."""
    calls = told.get("calls", [told])
    return (str(told.get("receipt_id")), *(call["call_id"] for call in calls))
