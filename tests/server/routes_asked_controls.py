"""The routes of controls: how they are asked rightly, and what they refuse."""

from typing import Final

from tests.server.refusals_asked import Refused
from tests.server.routes_asked import AUTHORITY, PAGES, SESSION, TEXTS, Route

CONTROLS: Final = f"{AUTHORITY}/controls"
CONFIRM: Final = f"{AUTHORITY}/lifts/%lift%/confirm"
RECOVERY: Final = f"{AUTHORITY}/recovery"
KILL: Final = {"kind": "tenant", "effect": "kill", "reason": "enough"}

CONTROL_ROUTES: Final = (
    Route(
        "POST",
        CONTROLS,
        body=KILL,
        missing=("kind", "effect", "reason"),
        wrong={
            "kind": (None, "x", [], "artifact"),
            "effect": (None, "x"),
            "reason": TEXTS,
            "target": (None, 1, [], "x" * 129, "a\x00b"),
        },
        keyed=True,
    ),
    Route("GET", CONTROLS, queries=PAGES),
    Route("GET", RECOVERY),
    Route(
        "POST",
        f"{RECOVERY}/close",
        body={"epoch": 2, "reason": "over"},
        missing=("epoch", "reason"),
        wrong={"epoch": (1, 0, -1, "2", 2.5, None), "reason": TEXTS},
        keyed=True,
    ),
    Route("GET", f"{CONTROLS}/%control%"),
    Route("GET", f"{CONTROLS}/%control%/lifts", queries=PAGES),
    Route("GET", f"{CONTROLS}/%control%/unconfirmed", queries=PAGES),
    Route(
        "POST",
        f"{CONTROLS}/%control%/lifts",
        body={"reason": "over"},
        missing=("reason",),
        wrong={"reason": TEXTS, "vote": (1, "", "%", {})},
        keyed=True,
    ),
    Route(
        "POST",
        CONFIRM,
        body={"reason": "over"},
        missing=("reason",),
        wrong={"reason": TEXTS, "vote": (1, "", "%", {})},
        keyed=True,
    ),
    Route(
        "POST",
        f"{SESSION}/labels",
        body={"add": {"fraud": "no"}},
        wrong={
            "add": (None, 1, [], {"a": 1}, {"a": ""}, {"a": "x" * 257}, {"a": "b\x00"}),
            "clear": (None, 1, "a", [1], [""], ["x" * 129]),
        },
        keyed=True,
        key="operator",
        denied="viewer",
    ),
    Route(
        "POST",
        f"{SESSION}/tool-filter",
        body={"tools": ["nowhere"], "reason": "it floods"},
        missing=("tools", "reason"),
        wrong={
            "tools": (None, 1, "a", [], [1], [""], ["x" * 129], ["a\x00"]),
            "reason": (None, 1, "", "x" * 1001, "a\x00"),
        },
        key="operator",
    ),
    Route(
        "POST",
        f"{SESSION}/report-bypass",
        body={"reason": "it went round"},
        missing=("reason",),
        wrong={"reason": (None, 1, "", "x" * 1001, "a\x00")},
        key="operator",
        denied="viewer",
    ),
)

CONTROLS_REFUSED: Final = (
    *(
        Refused(f"a kill of {what}", CONTROLS, KILL | named, 400, "malformed_body")
        for what, named in (
            ("a tenant with a target", {"target": "x"}),
            ("an agent without a name", {"kind": "agent"}),
            ("an agent of a name that no agent has", {"kind": "agent", "target": "a b"}),
            ("a tool without a name", {"kind": "tool"}),
        )
    ),
    Refused(
        "a lift that nobody signed",
        f"{CONTROLS}/%control%/lifts",
        {"reason": "over"},
        422,
        "lift_vote_refused",
        key="operator",
    ),
    Refused(
        "a lift that the same operator asked for",
        CONFIRM,
        {"reason": "over"},
        403,
        "two_people_needed",
        key="operator",
    ),
)
