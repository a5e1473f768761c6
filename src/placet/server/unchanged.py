"""The short way to the answer that agents get most: that their plan is still the same.

Stands between the edge and the framework and answers 304 where everything is plain: a key, an
agent, an environment, one tag, and the tag still stands. It looks at the key and the plan exactly
as the framework's route does, by the same function of the database. Whatever is not plain, and
every other answer, is the route's: it decides anew, so that there is one place for refusals.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from placet.kernel.hashing import plain_sha256
from placet.kernel.principal import Environment
from placet.kernel.refusals import Refusal
from placet.plans import service
from placet.plans.lookups.model import PlanLook, PlanQuestion
from placet.plans.lookups.rules import tag_of
from placet.plans.lookups.service import PlanLooks
from placet.plans.model import PlanQuery
from placet.tenancy.model import ParsedKey
from placet.tenancy.rules import parse_key

PATH: Final = "/api/v1/governance/plan"
KEYS_MAX: Final = 1_024
_METHOD: Final = "GET"
_QUERY: Final = re.compile(
    rb"agent=([A-Za-z0-9._-]{1,128})&environment=(development|staging|production)"
)
_BEARER: Final = re.compile(rb"[Bb]earer (plc_[A-Za-z0-9_]{1,200})")
_TAG: Final = re.compile(rb'"[0-9a-f]{64}"')
_AGAIN: Final = b"private, no-cache"


class Unchanged:
    """An application around another that answers some requests for it."""

    def __init__(self, app: ASGIApp, kept: Mapping[str, Any]) -> None:
        """Stand before `app`; `kept` is where the server keeps its objects."""
        self._app = app
        self._kept = kept
        # By a hash of the header: the text of a key stays nowhere.
        self._keys: dict[bytes, ParsedKey] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 304, or let the application answer."""
        if scope["type"] == ScopeType.HTTP and scope["path"] == PATH:
            told = await self._unchanged(scope)
            if told is not None:
                headers = [(b"etag", told), (b"cache-control", _AGAIN)]
                scope["path_template"] = PATH
                await send({"type": "http.response.start", "status": 304, "headers": headers})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
        await self._app(scope, receive, send)

    async def _unchanged(self, scope: HTTPScope) -> bytes | None:
        """Return the tag that the client has if it stands and everything is plain."""
        query = _QUERY.fullmatch(scope["query_string"])
        tag, key = self._plain(scope)
        if query is None or tag is None or key is None or scope["method"] != _METHOD:
            return None
        agent, environment = query[1].decode(), Environment(query[2].decode())
        looks: PlanLooks = self._kept[PlanLooks.__name__]
        try:
            found = await looks.look(PlanQuestion(key=key, agent=agent, environment=environment))
            if not isinstance(found, PlanLook):
                return None
            asked = PlanQuery(agent=agent, environment=environment)
            service.check_look(found.principal, asked, is_there=found.plan_id is not None)
        except Refusal:
            return None
        scope["auth"] = key
        return tag if tag_of(found.stamp).encode() == tag else None

    def _plain(self, scope: HTTPScope) -> tuple[bytes | None, ParsedKey | None]:
        tags = [value for name, value in scope["headers"] if name == b"if-none-match"]
        keys = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(tags) != 1 or len(keys) != 1 or not _TAG.fullmatch(tags[0]):
            return None, None
        return tags[0], self._key(keys[0])

    def _key(self, header: bytes) -> ParsedKey | None:
        known_by = plain_sha256(header)
        key = self._keys.get(known_by)
        if key is None and (found := _BEARER.fullmatch(header)) is not None:
            key = parse_key(found[1].decode())
            if key is not None:
                if len(self._keys) >= KEYS_MAX:
                    self._keys.clear()
                self._keys[known_by] = key
        return key
