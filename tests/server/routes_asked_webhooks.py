"""The routes of webhooks: how each is asked rightly, and what about it can be wrong."""

from typing import Any, Final

from tests.server.refusals_asked import Refused
from tests.server.routes_asked import NAMES, PAGES, Route

ENDPOINTS: Final = "/api/v1/webhooks/endpoints"
ENDPOINT: Final = f"{ENDPOINTS}/%endpoint%"
DELIVERY: Final = f"{ENDPOINT}/deliveries/%delivery%"
GONE: Final = "webhook_endpoint_not_found"
REASONS: Final[tuple[Any, ...]] = (None, 1, "", " ", "x" * 1001, "a\x00b")
URL: Final = "https://example.com/hook"

WEBHOOK_ROUTES: Final = (
    Route(
        "POST",
        ENDPOINTS,
        body={"url": URL, "name": "tests"},
        missing=("url", "name"),
        wrong={
            "url": (None, 1, "", [], "https://example.com/" + "x" * 2000),
            "name": NAMES,
            "event_types": (None, "VoteCast", [1], ["Rumour"], ["VoteCast"] * 20),
        },
        keyed=True,
    ),
    Route("GET", ENDPOINTS, queries=PAGES),
    Route("GET", ENDPOINT, not_found=GONE),
    Route(
        "POST",
        f"{ENDPOINT}/rotate",
        body={},
        wrong={"overlap_seconds": (None, -1, "1", 1.5, 700_000, 2**63)},
        keyed=True,
        not_found=GONE,
    ),
    *(
        Route(
            "POST",
            f"{ENDPOINT}/{verb}",
            body={"reason": "a test"},
            missing=("reason",),
            wrong={"reason": REASONS},
            keyed=True,
            not_found=GONE,
        )
        for verb in ("disable", "enable", "remove")
    ),
    Route(
        "GET",
        f"{ENDPOINT}/deliveries",
        queries=(*PAGES, "status=", "status=parked", "status=dead&status=due"),
        not_found=GONE,
    ),
    *(
        Route(
            "POST",
            f"{DELIVERY}/{verb}",
            body={"reason": "a test"},
            missing=("reason",),
            wrong={"reason": REASONS},
            keyed=True,
            not_found=GONE,
        )
        for verb in ("release", "skip")
    ),
)

WEBHOOKS_REFUSED: Final = (
    *(
        Refused(
            f"a webhook to {url}",
            ENDPOINTS,
            {"url": url, "name": "tests"},
            422,
            "webhook_url_refused",
        )
        for url in (
            "http://example.com/",
            "https://127.0.0.1/",
            "https://[::ffff:10.0.0.1]/",
            "https:/" + "/me@example.com/",
            "https://example.com:25/",
            "file:///etc/passwd",
        )
    ),
    *(
        Refused(
            f"to {verb} what is not parked",
            f"{DELIVERY}/{verb}",
            {"reason": "a test"},
            409,
            "webhook_delivery_not_parked",
        )
        for verb in ("release", "skip")
    ),
    Refused(
        "to skip what is none",
        f"{ENDPOINT}/deliveries/%nobody%/skip",
        {"reason": "a test"},
        404,
        "webhook_delivery_not_found",
    ),
)
