"""What keeps a kill of an agent or a tool, taken away, and the race that notices."""

from tests.invariants import scenes_again as again
from tests.invariants import scenes_controlling as controlling
from tests.invariants.mutants import Change, Mutant, one

GATE_ALONE = """\
    PERFORM pg_advisory_xact_lock(placet.gate_lock_key_v1(v_tenant));
"""
AGENT_UNREAD = Change("control_reach_v1", "c.kind = 'agent' AND", "c.kind = 'nobody' AND")

CONTROLLING = [
    *(
        Mutant(f"killed_agents_unread_in_{race.__name__}", "I11", race, (AGENT_UNREAD,))
        for race in (
            controlling.a_kill_of_the_agent_before_a_response,
            controlling.a_kill_of_the_agent_before_a_start,
        )
    ),
    Mutant(
        "killed_tools_unread_by_a_response",
        "I11",
        controlling.a_kill_of_a_tool_before_a_response,
        one(
            "grants_stand_v1",
            "WHERE c.status = 'granted' AND c.tool_name = ANY (v_killed));",
            "WHERE false);",
        ),
    ),
    Mutant(
        "killed_tools_unread_by_a_start",
        "I11",
        controlling.a_kill_of_a_tool_before_a_start,
        one(
            "start_v1",
            "WHEN c.tool_name = ANY (placet.tools_killed_v1(s.tenant_id, e.control_epoch))",
            "WHEN false",
        ),
    ),
    Mutant(
        "killed_tools_unread_by_a_replay",
        "I11",
        again.a_response_again_after_a_kill_of_its_tool,
        one("grants_stand_v1", "AND (p_tool = ANY", "AND (NULL = ANY"),
    ),
    Mutant(
        "revision_unread_after_a_filter",
        "I7",
        controlling.a_filter_before_a_response,
        one("grants_stand_v1", "RETURN s.control_revision = p_revision", "RETURN true"),
    ),
    Mutant(
        "status_unread_after_a_bypass",
        "I11",
        controlling.a_bypass_before_a_start,
        one(
            "session_enter_v1",
            "WHEN s.status <> 'active' THEN 'session_' || s.status",
            "WHEN false THEN 'session_' || s.status",
        ),
    ),
    Mutant(
        "a_bypass_wakes_the_dead",
        "I13",
        controlling.a_kill_before_a_bypass,
        one("session_control_v1", "AND s.status IN ('active', 'closing')", "AND true"),
    ),
    Mutant(
        "a_kill_of_a_tool_passes_by_the_gate",
        "I11",
        controlling.a_response_before_a_kill_of_its_tool,
        one("gate_v1", GATE_ALONE, ""),
    ),
]
