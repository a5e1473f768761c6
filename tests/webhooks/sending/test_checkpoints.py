"""Checkpoints that are told to a receiver, which can keep them as they are."""

import json

from tests.webhooks.post import Post
from tests.webhooks.receiver import Receiver

from placet.authority.checkpoints import service
from placet.authority.server_keys import ServerKeys
from placet.evidence.checkpoint import verify_checkpoint
from placet.evidence.dsse import parse_envelope
from placet.webhooks.endpoints.model import WebhookType


async def test_a_receiver_is_sent_every_checkpoint_with_its_signature(
    post: Post, receiver: Receiver
) -> None:
    keys = ServerKeys.generate()
    await post.endpoint(receiver.url, WebhookType.CHECKPOINT_SIGNED)
    made = [await service.make_checkpoint(post.db, post.founder, keys, post.ids)]
    await post.happen(post.ids.new())
    made.append(await service.make_checkpoint(post.db, post.founder, keys, post.ids))
    await post.drain()
    told = [json.loads(heard.body) for heard in receiver.heard]
    assert [one["type"] for one in told] == ["CheckpointSigned"] * 2
    envelopes = [one["data"]["envelope"].encode() for one in told]
    assert envelopes == [checkpoint.envelope for checkpoint in made]
    for envelope in envelopes:
        verify_checkpoint(parse_envelope(envelope), [keys.checkpoint.public])
