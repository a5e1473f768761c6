"""What every chapter works with, and the words that several of them need."""

import dataclasses
from uuid import UUID

import msgspec

from placet.cli.demo.contract import REFUND
from placet.cli.demo.crew import Crew
from placet.cli.demo.errand import Attached, Errand, Pause, Ran
from placet.cli.demo.people import People
from placet.cli.demo.shop import Shop
from placet.cli.demo.timeline import Timeline
from placet.cli.exits import CommandRefused, Exit
from placet.kernel.ids import Ids


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scene:
    """One run: the service's address, the tenant's people, the shop, and the workers."""

    url: str
    people: People
    shop: Shop
    crew: Crew
    timeline: Timeline
    ids: Ids

    def errand(
        self,
        *turns: str,
        pause: Pause = Pause.NEVER,
        session_id: UUID | None = None,
        ttl_seconds: int = 15,
        wait_seconds: float = 0.0,
    ) -> Errand:
        """Return an errand for a worker with the agent's key."""
        return Errand(
            url=self.url,
            api_key=self.people.agent_key,
            orders=str(self.shop.file),
            turns=list(turns),
            session_id=session_id,
            ttl_seconds=ttl_seconds,
            wait_seconds=wait_seconds,
            pause=pause,
        )

    def attached(self, who: str, news: Attached) -> None:
        """Tell that a worker holds a session's lease."""
        self.timeline.tell(who, "attached", f"to session {short(news.session_id)}, {fence(news)}")

    def ran(self, who: str, news: Ran, expected: str) -> None:
        """Tell how a tool call ended. Refuses `CommandRefused` if it did not end as `expected`."""
        asked = f"{news.tool} {arguments_of(news)}"
        if news.ending == "blocked":
            self.timeline.tell(who, "blocked", f"{asked}: {', '.join(news.reasons)}")
            self.timeline.tell("", "", news.text)
        else:
            done = "committed" if news.tool == REFUND["tool"] else "allowed"
            word = done if news.ending == "succeeded" else news.ending
            self.timeline.tell(who, word, f"{asked} -> {news.text}")
        expect(news.ending, expected, f"{news.tool} of {who}")


def expect(found: str, expected: str, what: str) -> None:
    """Refuse `CommandRefused` unless the story went as it must."""
    if found != expected:
        raise CommandRefused(
            detail=f"{what} should be {expected} and is {found}",
            remedy="this is a fault of the service or of the demo: read `server.log`",
            code=Exit.FAILED,
        )


def arguments_of(news: Ran) -> str:
    """Return a call's arguments for reading."""
    values: dict[str, str | int] = msgspec.json.decode(news.arguments)
    return " ".join(
        f"{value / 100:.2f}" if isinstance(value, int) else value
        for _, value in sorted(values.items(), reverse=True)
    )


def fence(news: Attached) -> str:
    """Return a worker's fence for reading."""
    return f"fence {news.fence}"


def short(known: UUID) -> str:
    """Return enough of an id to know it again: its end, for the beginning is the time."""
    return known.hex[-8:]
