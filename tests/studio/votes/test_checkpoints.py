"""Which checkpoint of the log a vote names: the newest that its signer was shown."""

from tests.studio.story import Story
from tests.studio.votes.test_service import flaws

from placet.authority.checkpoints import service as checkpoints
from placet.evidence.dsse import parse_envelope
from placet.evidence.vote import CheckpointSeen, verify_vote
from placet.studio.approvals.model import ApprovalFlaw
from placet.studio.requests.service import show_request


async def test_a_vote_names_the_checkpoint_that_its_signer_was_shown(story: Story) -> None:
    signer = await story.signer()
    _, _, request = await story.asked(await story.workspace(signer))
    made = await checkpoints.make_checkpoint(story.db, story.founder, story.keys, story.ids)
    seen = CheckpointSeen(size=made.size, root=made.root.hex())
    async with story.db.reading(story.founder) as tx:
        shown = await show_request(tx, request.request_id)
    assert shown.vote_fields.latest_checkpoint == seen
    ballot = await story.ballot(request, signer)
    signed = verify_vote(parse_envelope(bytes(ballot.envelope)), [signer.key.public])
    assert signed.latest_checkpoint == seen

    other = CheckpointSeen(size=made.size, root="0" * 64)
    wrong = await story.ballot(request, signer, latest_checkpoint=other)
    assert await flaws(story, request, wrong, signer) == {ApprovalFlaw.SIGNED_OTHERWISE}

    # A newer one by now is no reason against it.
    await story.signer()
    newer = await checkpoints.make_checkpoint(story.db, story.founder, story.keys, story.ids)
    assert newer.size > made.size
    answer = await story.hand_in(request, ballot, signer.principal)
    assert answer.vote_id
