"""A service on a real socket, served from a thread, and a refund desk that it governs."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from tests.conftest import Workplace, database_name, database_url, db
from tests.studio.story import AGENT, LOOKUP, REFUND, Story, contract

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.replay.sessions.model import SessionMode
from placet.sdk.client import Client
from placet.sdk.retry import Patience
from placet.sdk.transport import HttpRequest, HttpResponse, HttpxTransport, TransportError
from placet.server.app import create_app
from placet.server.run import Service, config_for, listen
from placet.settings import Settings
from placet.storage.database import Database
from placet.worker.loops import LOOPS

__all__ = ["database_name", "database_url", "db"]
# Made anew here: the loops of a service begin with all that the other tests' tenants left undone,
# and would do it between the steps of these.

ENFORCE: Final = SessionMode.ENFORCE
"""Staging only reports unless its workspace, or the client, says more."""

IN_VAIN: Final = Patience(total=3.0, attempt=20.0, pause=0.02)
"""For where nobody will answer: what is tried until it runs out takes time."""

ASKED: Final[dict[str, Any]] = {
    "tool": "email_customer",
    "side_effect": "write",
    "evidence_class": "ack_only",
    "commit_requirement": "acknowledged",
    "decision": "ask",
    "input_schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["text"],
        "properties": {"text": {"type": "string"}},
    },
}
"""A tool that a person is asked about."""


@dataclass(frozen=True)
class Serving:
    """A running service: its address and the folder of its keys."""

    url: str
    folder: Path


@pytest.fixture(scope="module")
def service(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The service, with its loops, on a free port of this machine.

    It ends with its module: its loops take what is due from under the tests that come after.
    """
    folder = tmp_path_factory.mktemp("service")
    ready = threading.Event()
    with listen("127.0.0.1", 0) as listener:
        app = create_app(Settings(data_dir=folder), database_url, loops=LOOPS)
        server = Service(config_for(app), app, ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        assert ready.wait(60), "the service did not come up"
        port = listener.getsockname()[1]
        yield Serving(url=f"http://127.0.0.1:{port}", folder=folder)
        server.should_exit = True
        thread.join()


class Network:
    """What lies between an agent and the service. It can fail, as networks do."""

    def __init__(self, url: str) -> None:
        """Lead to the service, and lose nothing."""
        self.url = url
        self.is_down = False
        self.loses_first_answers = False
        self.tries = 0
        self.seen: list[tuple[str, str, int]] = []
        self.after: dict[str, Callable[[], None]] = {}
        self._lost: set[tuple[str, bytes | None]] = set()

    def line(self) -> "Line":
        """Return a line through this network."""
        return Line(self, HttpxTransport(self.url))

    def lose(self, request: HttpRequest) -> bool:
        """Tell whether the answer to this request is lost: the first to each, if it is so set."""
        key = (request.path, request.body)
        if not self.loses_first_answers or key in self._lost:
            return False
        self._lost.add(key)
        return True

    def count(self, ending: str) -> int:
        """Return how many requests to a path with this ending were answered by the service."""
        return sum(path.split("?")[0].endswith(ending) for _, path, _ in self.seen)


class Line:
    """A transport through a network that can fail."""

    def __init__(self, network: Network, inner: HttpxTransport) -> None:
        """Go through the network by a real connection."""
        self._network = network
        self._inner = inner

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send, unless the network is down; lose the answer where the network does.

        What stands in `after` for the end of a path happens once, after its request was sent.
        """
        self._network.tries += 1
        ending = request.path.rpartition("/")[2]
        happens = self._network.after.pop(ending, None)
        if self._network.is_down:
            if happens is not None:
                happens()
            message = "the network is down"
            raise TransportError(message)
        response = await self._inner.send(request)
        self._network.seen.append((request.method, request.path, response.status))
        if happens is not None:
            happens()
        if self._network.lose(request):
            message = "the answer was lost"
            raise TransportError(message)
        return response

    def another(self) -> "Line":
        """Return another line through the same network."""
        return Line(self._network, self._inner.another())

    async def close(self) -> None:
        """Close the connection."""
        await self._inner.close()


class RefundDesk:
    """A tenant whose refund desk is governed in one environment, and its keys."""

    def __init__(self, service: Serving, workplace: Workplace, agent_key: str) -> None:
        """Hold the service and the keys."""
        self.url = service.url
        self.workplace = workplace
        self.agent_key = agent_key
        self.operator_key = workplace.founder_key

    def client(self, network: Network | None = None, **options: Any) -> Client:  # noqa: ANN401 -- a client's own options
        """Return a client with the agent's key, through a network if one is given."""
        transport = None if network is None else network.line()
        patience = Patience(total=15.0, attempt=20.0, pause=0.02)
        return Client(
            self.url, self.agent_key, **({"transport": transport, "patience": patience} | options)
        )

    def operator(self) -> Client:
        """Return a client with an operator's key."""
        return Client(self.url, self.operator_key)


@pytest.fixture
def network(service: Serving) -> Network:
    return Network(service.url)


@pytest.fixture
async def story(service: Serving, db: Database, ids: Ids, workplace: Workplace) -> Story:
    """The authority path of a fresh tenant, with the keys of the service."""
    keys = await ServerKeys.load(service.folder / "keys", db)
    return Story(db, ids, workplace, keys)


async def open_desk(
    service: Serving, story: Story, environment: Environment, *, is_approved: bool = True
) -> RefundDesk:
    """Approve the desk's contract in an environment, or only open it, and issue its agent a key."""
    if is_approved:
        document = contract(LOOKUP, REFUND, ASKED, gate="strip_partial")
        await story.approved(document, environment)
    else:
        await story.workspace(environment=environment)
    _, key = await story.workplace.agent(AGENT, environment)
    return RefundDesk(service, story.workplace, key)


@pytest.fixture
async def desk(service: Serving, story: Story) -> RefundDesk:
    """A refund desk in staging, whose contract was approved."""
    return await open_desk(service, story, Environment.STAGING)


@pytest.fixture(autouse=True)
def no_mistakes(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which the service made a mistake: the client would only have asked again."""
    yield
    mistakes = [record for record in caplog.records if record.name == "placet.server"]
    assert [record.getMessage() for record in mistakes if record.levelname == "ERROR"] == []
