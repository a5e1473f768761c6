"""A tool's host that checks the grants which the client hands on."""

import base64

import httpx
import pytest
from tests.journeys.conftest import ENFORCE, RefundDesk
from tests.studio.story import REFUND

from placet.evidence.ed25519 import PublicKey
from placet.kernel.clock import SystemClock
from placet.kernel.principal import Environment
from placet.sdk.errors import OutcomeUnknown
from placet.sdk.govern import governed
from placet.sdk.host.asgi import GrantCheck, Receive, Scope, Send
from placet.sdk.host.check import ToolHost
from placet.sdk.host.keys import GivenKeys
from placet.sdk.host.memory import ProcessMemory
from placet.sdk.host.model import hosted
from placet.sdk.tool import current_context

PATH = "/tools/issue_refund"
TOOL = hosted("issue_refund", schema=REFUND["input_schema"])


def handed_on() -> dict[str, str]:
    """Return the headers that the tool in whose call we are sends along."""
    context = current_context()
    assert context is not None
    return context.headers()


class Bank:
    """The application behind the check: every request that reaches it pays."""

    def __init__(self) -> None:
        """Pay nothing yet."""
        self.paid: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pay what the body says."""
        assert scope["path"] == PATH
        self.paid.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


async def keys_of(desk: RefundDesk) -> GivenKeys:
    """Return the grant keys as the service lists them for an agent."""
    headers = {"Authorization": f"Bearer {desk.agent_key}"}
    async with httpx.AsyncClient(base_url=desk.url, trust_env=False) as caller:
        listed = (await caller.get("/api/v1/authority/keys", headers=headers)).json()
    raws = [key["public_key"] for key in listed["server_keys"] if key["purpose"] == "grant"]
    keys = [PublicKey(raw=base64.b64decode(raw)) for raw in raws]
    return GivenKeys(*keys, as_of=SystemClock().now())


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
async def door(desk: RefundDesk, bank: Bank) -> httpx.AsyncClient:
    """The way to the bank, with the check before it."""
    host = ToolHost(
        tenant_id=desk.workplace.tenant_id,
        environment=Environment.STAGING,
        keys=await keys_of(desk),
        memory=ProcessMemory(),
    )
    checked = GrantCheck(bank, host=host, tools={PATH: TOOL})
    over = httpx.ASGITransport(app=checked)
    return httpx.AsyncClient(transport=over, base_url="http://127.0.0.1")


async def test_what_the_client_hands_on_is_let_in_once_and_with_these_arguments_only(
    desk: RefundDesk, door: httpx.AsyncClient, bank: Bank
) -> None:
    codes: list[str] = []

    @governed
    async def issue_refund(order_id: str, amount_cents: int) -> str:
        body = {"order_id": order_id, "amount_cents": amount_cents}
        more = body | {"amount_cents": amount_cents + 1}
        for sent in (more, body, body):
            answer = await door.post(PATH, json=sent, headers=handed_on())
            codes.append("paid" if answer.is_success else answer.json()["code"])
        return "rf_1"

    async with desk.client() as client, client.session(mode=ENFORCE), door:
        assert await issue_refund("ord_1", 700) == "rf_1"
    assert codes == ["arguments", "paid", "seen"]
    assert bank.paid == [b'{"order_id":"ord_1","amount_cents":700}']


async def test_a_client_whose_session_was_taken_over_is_refused_by_the_host(
    desk: RefundDesk, door: httpx.AsyncClient, bank: Bank
) -> None:
    kept: list[dict[str, str]] = []
    body = {"order_id": "ord_1", "amount_cents": 700}

    @governed
    async def issue_refund(order_id: str, amount_cents: int) -> str:
        if not kept:
            kept.append(handed_on())
            raise OutcomeUnknown
        answer = await door.post(
            PATH,
            json={"order_id": order_id, "amount_cents": amount_cents},
            headers=handed_on(),
        )
        return str(answer.status_code)

    async with desk.client() as client, client.session(mode=ENFORCE) as session:
        with pytest.raises(OutcomeUnknown):
            await issue_refund("ord_1", 700)
        session_id = session.session_id
    async with desk.client() as client, client.session(session_id), door:
        assert await issue_refund("ord_2", 100) == "200"
        late = await door.post(PATH, json=body, headers=kept[0])
    assert late.json()["code"] == "overtaken"
    assert len(bank.paid) == 1
