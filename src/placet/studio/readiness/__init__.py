"""Whether enough of an agent has been seen to write its contract: `LEARNING` becomes `READY`.

What counts are the calls in the observed runs among a workspace's sources: those that are clean or
redacted and indexed, the newest 50. Two numbers are asked of them, both settings.

- Observations: at least 200 calls (`ready_calls_min`).
- Confidence: at least 95 % (`ready_confidence_percent`). It is one less the share of calls that are
  the only one of their tool. This estimates how likely the next call is of a tool that was seen
  already (I. J. Good, "The population frequencies of species and the estimation of population
  parameters", Biometrika 40, 1953): an agent that still surprises is not known yet.

When a source of observed runs is added the plan is due to be looked at, and a worker moves it. Its
workspace then stands on what was learned (`runtime_authority_kind` is `plan`), which captures and
enforces nothing.

Invariants
- The only move here is from `LEARNING` to `READY`, once. Nothing leads back: neither new tools, nor
  a source that no longer counts, nor other settings.
- An approval needs no readiness, and goes before it: a plan that is approved is left alone.
- The event says what was counted and against which numbers.

Failures: a worker that dies leaves the work due; two of them move the plan once. Lower settings are
felt when the next source is added.
"""
