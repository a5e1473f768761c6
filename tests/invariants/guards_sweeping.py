"""What keeps a sweep to the calls as they stand, taken away, and the race that notices."""

from tests.invariants import scenes_sweeping as sweeping
from tests.invariants.mutants import Change, Mutant, one

SWEEPING = [
    Mutant(
        "sweep_on_any_facts",
        "I40",
        sweeping.a_receipt_before_a_sweep,
        (
            Change("sweep_v1", "IF s.state_version <> p_decided_version THEN", "IF false THEN"),
            Change("sweep_v1", "IF v_met <> jsonb_array_length(p_calls) OR", "IF"),
        ),
    ),
    Mutant(
        "sweep_looks_at_the_version_only",
        "I40",
        sweeping.an_unknown_outcome_reported_before_a_sweep,
        one("sweep_v1", "IF v_met <> jsonb_array_length(p_calls) OR", "IF"),
    ),
    Mutant(
        "sweep_forgets_starts",
        "I40",
        sweeping.a_start_before_a_sweep,
        one(
            "sweep_v1",
            "AND c.status = n.was AND c.execution_state = n.was_execution",
            "AND c.status = n.was",
        ),
    ),
    Mutant(
        "sweep_forgets_receipts",
        "I40",
        sweeping.a_late_receipt_before_a_sweep,
        one(
            "sweep_v1", "AND (n.status <> 'abandoned' OR NOT EXISTS (", "AND (true OR NOT EXISTS ("
        ),
    ),
    Mutant(
        "abandoned_calls_start",
        "I40",
        sweeping.a_sweep_before_a_start,
        (
            Change("start_v1", "WHEN c.status <> 'granted' THEN", "WHEN false THEN"),
            Change("start_v1", "WHEN c.grant_expires_at <= v_at THEN", "WHEN false THEN"),
        ),
    ),
]
