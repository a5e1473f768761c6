"""From a workspace to a plan in force."""

from tests.studio.story import AGENT, Story

from placet.authority import store as authority
from placet.evidence.artifact import verify_artifact
from placet.evidence.dsse import parse_envelope
from placet.evidence.ed25519 import PublicKey
from placet.kernel.principal import Environment
from placet.plans import service as plans
from placet.plans.model import PlanStatus
from placet.studio.requests.model import RequestStatus


async def test_a_signed_vote_puts_the_compiled_contract_in_force(story: Story) -> None:
    answer = await story.approved()
    assert answer.status is RequestStatus.GRANTED
    async with story.db.reading(story.founder) as tx:
        plan = await plans.find_plan(tx, AGENT, Environment.STAGING)
        assert plan is not None
        assert plan.status is PlanStatus.APPROVED
        assert plan.compiled_hash == answer.compiled_hash
        assert plan.artifact_id is not None
        artifact = await authority.get_artifact(tx, plan.artifact_id)
        keys = [PublicKey(raw=key.public_key) for key in await authority.list_server_keys(tx)]
    payload = verify_artifact(parse_envelope(artifact.envelope), keys)
    assert payload.runtime.encode() == artifact.runtime_projection_json
    assert payload.approval_id == answer.approval_id
