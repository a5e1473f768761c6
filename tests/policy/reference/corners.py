"""Corners of the page that made examples seldom come by, each as small as it gets."""

from tests.policy.reference.regressions import ALLOW, Regression, contract, line

LAYER_9 = {"verdict": "deny", "layer": 9}
LAYER_5 = {"verdict": "deny", "layer": 5}

CORNERS = [
    Regression(
        "a commit that finds the phase elsewhere moves nothing",
        contract(
            {
                "a": {"phases": {"valid_in": ["one"], "advances_to": "two"}},
                "b": {"phases": {"valid_in": ["one"], "advances_to": "end"}},
                "c": {},
            },
            phases=[
                {"name": "one", "initial": True},
                {"name": "two"},
                {"name": "end", "terminal": True},
            ],
            transitions={"one": ["two", "end"], "two": ["end"]},
        ),
        [
            line(0, {"1": ("a", {})}),
            line(1, {"2": ("b", {})}),
            line(2, {"3": ("c", {})}, outputs={"1": 1}),
            line(3, {"4": ("c", {})}, outputs={"2": 1}),
        ],
        [ALLOW, ALLOW, {"phase": "one", "phase_after": "two"}, {"phase_after": "two"}],
    ),
    Regression(
        "a failure takes back what a call that committed at its grant came to",
        contract(
            {"a": {"commit_requirement": "none"}},
            aggregates=[{"name": "g", "tool": "a", "op": "count", "lte": 1}],
        ),
        [
            line(0, {"1": ("a", {})}),
            line(1, {"2": ("a", {})}),
            line(2, {"3": ("a", {})}, failed=["1"]),
        ],
        [ALLOW, LAYER_9, ALLOW],
    ),
    Regression(
        "a first committed value of nothing denies",
        contract(
            {"a": {}},
            envelopes=[{"name": "e", "tool": "a", "path": "$.n", "within_ratio_of_first": 2}],
        ),
        [line(0, {"1": ("a", {"n": 0})}, outputs={"1": 1}), line(1, {"2": ("a", {"n": 0})})],
        [ALLOW, LAYER_9],
    ),
    Regression(
        "of like commits the latest decides, and nothing newer with other values does",
        contract(
            {
                "a": {},
                "b": {
                    "requires": [
                        {
                            "tool": "a",
                            "output": [{"path": "$", "equals": "yes"}],
                            "same": [{"theirs": "$.n", "ours": "$.n"}],
                        }
                    ]
                },
            }
        ),
        [
            line(0, {"1": ("a", {"n": 1}), "2": ("a", {"n": 2})}, outputs={"1": "yes", "2": "no"}),
            line(1, {"3": ("b", {"n": 1})}),
            line(2, {"4": ("a", {"n": 1})}, outputs={"4": "no"}),
            line(3, {"5": ("b", {"n": 1})}),
        ],
        [ALLOW, ALLOW, ALLOW, ALLOW, LAYER_5],
    ),
    Regression(
        "within some seconds means these too",
        contract({"a": {}, "b": {"requires": [{"tool": "a", "within_seconds": 10}]}}),
        [
            line(0, {"1": ("a", {})}, outputs={"1": 1}),
            line(10, {"2": ("b", {})}),
            line(11, {"3": ("b", {})}),
        ],
        [ALLOW, ALLOW, LAYER_5],
    ),
    Regression(
        "a window ends where it is as long as it says, and an open call never leaves it",
        contract(
            {"a": {}},
            aggregates=[{"name": "g", "tool": "a", "op": "count", "window_seconds": 10, "lte": 1}],
        ),
        [
            line(0, {"1": ("a", {})}, outputs={"1": 1}),
            line(9, {"2": ("a", {})}),
            line(10, {"3": ("a", {})}),
            line(99, {"4": ("a", {})}),
        ],
        [ALLOW, LAYER_9, ALLOW, LAYER_9],
    ),
    Regression(
        "what siblings hold counts for every op, at its worst for each bound",
        contract(
            {"a": {}, "b": {}},
            gate="strip_partial",
            aggregates=[
                {"name": "m", "tool": "a", "op": "min", "path": "$.n", "lte": 1},
                {"name": "d", "tool": "b", "op": "distinct", "path": "$.n", "lte": 1},
            ],
        ),
        [
            line(0, {"1": ("a", {"n": 1}), "2": ("a", {"n": 2})}),
            line(1, {"3": ("b", {"n": 1}), "4": ("b", {"n": 2}), "5": ("b", {"n": 1})}),
        ],
        [ALLOW, LAYER_9, ALLOW, LAYER_9, ALLOW],
    ),
    Regression(
        "the last granted calls are as many as the window says, failed ones too",
        contract({"a": {}, "b": {}}, limits={"loop": {"window": 2, "threshold": 2}}),
        [
            line(0, {"1": ("a", {})}, failed=["1"]),
            line(1, {"2": ("b", {})}),
            line(2, {"3": ("a", {})}),
            line(3, {"4": ("b", {"n": 1})}),
            line(4, {"5": ("a", {})}),
        ],
        [ALLOW, ALLOW, {"layer": 10, "reasons": ["loop_detected"]}, ALLOW, ALLOW],
    ),
    Regression(
        "a slot that is written once keeps its first value, another its latest",
        contract(
            {
                "a": {
                    "binds": [
                        {"slot": "first", "from": "arguments", "path": "$.n"},
                        {"slot": "latest", "from": "output", "path": "$"},
                    ]
                },
                "b": {
                    "arguments": [
                        {"path": "$.f", "equals_ref": "first"},
                        {"path": "$.l", "equals_ref": "latest"},
                    ]
                },
            },
            bindings=[{"slot": "first", "write": "once"}, {"slot": "latest", "write": "last"}],
        ),
        [
            line(0, {"1": ("a", {"n": 1})}, outputs={"1": 1}),
            line(1, {"2": ("a", {"n": 2})}, outputs={"2": 2}),
            line(2, {"3": ("b", {"f": 1, "l": 2})}),
            line(3, {"4": ("b", {"f": 2, "l": 2})}),
        ],
        [ALLOW, ALLOW, ALLOW, {"verdict": "deny", "layer": 8}],
    ),
]
