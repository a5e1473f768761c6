"""Keeping a receipt whose call nobody knows."""

from placet.authority import store as authority
from placet.authority.key_changes import store as key_changes
from placet.authority.model import KeyPurpose
from placet.authority.tool_hosts.store import is_attesting
from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.evidence import dsse
from placet.evidence.dsse import Envelope, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey
from placet.evidence.grant import GRANT_TYPE, Grant
from placet.kernel import foreign
from placet.kernel.hashing import digest
from placet.kernel.ids import Ids
from placet.kernel.refusals import MalformedBody, NotFound
from placet.replay.asks import store as calls
from placet.replay.calls.attested import (
    AttestationFate,
    HostWord,
    Place,
    Said,
    level_of,
    place_of,
    read_attestation,
)
from placet.replay.orphans import store
from placet.replay.orphans.model import (
    KeepOrphan,
    OrphanFlaw,
    OrphanKept,
    OrphanReceiptKept,
    ReplayOrphanReceipt,
)
from placet.replay.orphans.rules import Reporter, check_grant, find_effect_key, refused
from placet.replay.sessions.policies import Policies
from placet.storage.database import Writing


async def keep_orphan(
    tx: Writing, reporter: Reporter, asked: KeepOrphan, policies: Policies, ids: Ids
) -> OrphanKept:
    """Keep a receipt of a call that is not known here. Refuses `orphan_refused`."""
    envelope, grant = await _granted(tx, asked)
    check_grant(grant, reporter)
    if await _is_known(tx, grant):
        raise refused(OrphanFlaw.KNOWN)
    output = _output(asked)
    output_hash = None if output is None else digest("output", output)
    word = await _word(tx, asked, grant, output_hash)
    orphan = ReplayOrphanReceipt(
        tenant_id=tx.tenant_id,
        receipt_id=ids.new(),
        session_id=grant.session_id,
        call_id=grant.call_id,
        agent=grant.agent,
        environment=grant.environment,
        tool_name=grant.tool,
        status=asked.status,
        evidence_level=level_of(word),
        arguments_hash=bytes.fromhex(asked.arguments_hash),
        output_hash=output_hash,
        output=output,
        external_ref=asked.external_ref,
        error=asked.error,
        started_at=asked.started_at,
        completed_at=asked.completed_at,
        cost_micros=asked.cost_micros,
        conflicting=asked.arguments_hash != grant.arguments_hash,
        grant_envelope=dsse.encode_envelope(envelope),
        host_envelope=word.envelope if isinstance(word, HostWord) else None,
        reported_by=tx.actor_id,
        received_at=await tx.now(),
        effect_key=await _effect_key(tx, asked, grant, policies),
    )
    await store.insert_orphan(tx, orphan)
    await _tell(tx, orphan, ids)
    return OrphanKept(
        receipt_id=orphan.receipt_id,
        call_id=orphan.call_id,
        evidence_level=orphan.evidence_level,
        conflicting=orphan.conflicting,
        attestation=AttestationFate.TAKEN if isinstance(word, HostWord) else word,
        received_at=orphan.received_at,
    )


async def _granted(tx: Writing, asked: KeepOrphan) -> tuple[Envelope, Grant]:
    """Return the grant. Its time does not matter: it proves that the call was granted once."""
    # Race: the key may end; then what it signed stands in the log above the place of its end.
    await key_changes.hold_ends(tx)
    listed = await key_changes.list_counting(tx)
    keys = [PublicKey(raw=key.public_key) for key in listed if key.purpose is KeyPurpose.GRANT]
    try:
        envelope = dsse.parse_envelope(bytes(asked.grant))
        return envelope, dsse.read(envelope, GRANT_TYPE, keys, Grant)
    except EnvelopeRefused as fault:
        raise refused(OrphanFlaw(fault.flaw.value)) from fault


async def _is_known(tx: Writing, grant: Grant) -> bool:
    try:
        await calls.get_call(tx, grant.session_id, grant.call_id)
    except NotFound:
        return False
    return True


async def _effect_key(
    tx: Writing, asked: KeepOrphan, grant: Grant, policies: Policies
) -> bytes | None:
    """Return the effect key that the call had taken, where the contract of its grant is here."""
    if asked.arguments is None:
        return None
    known = await authority.list_artifacts_of(tx, grant.artifact_hash)
    if not known:
        return None
    pinned = await policies.keep(tx, await authority.get_artifact(tx, known[0]))
    return find_effect_key(pinned.policy, grant, asked.arguments)


def _output(asked: KeepOrphan) -> bytes | None:
    if asked.output is None:
        return None
    try:
        return foreign.encode(foreign.parse(asked.output.encode()))
    except foreign.ForeignJsonError as fault:
        raise MalformedBody(
            detail="`output` is no JSON text",
            errors=[{"pointer": "/output", "detail": fault.message}],
        ) from fault


async def _word(
    tx: Writing, asked: KeepOrphan, grant: Grant, output_hash: bytes | None
) -> HostWord | AttestationFate | None:
    if asked.attestation is None:
        return None
    said = Said(
        session_id=str(grant.session_id),
        call_id=str(grant.call_id),
        arguments_hash=asked.arguments_hash,
        outcome=asked.status.value,
        output_hash=None if output_hash is None else output_hash.hex(),
        external_ref=asked.external_ref,
    )
    word = read_attestation(asked.attestation, said)
    if not isinstance(word, HostWord):
        return word
    place = Place(
        tenant_id=grant.tenant_id,
        environment=grant.environment,
        server=grant.server,
        tool=grant.tool,
    )
    if place_of(word) != place:
        return AttestationFate.OTHER_CALL
    # Race: the end of a registration goes under this row too. Asked before, a word could be kept at
    # an epoch at which its host counted no more.
    await events.hold_stream(tx, tenant_stream(tx.tenant_id, StreamKind.AUTHORITY))
    counts = await is_attesting(tx, grant.environment, grant.tool, word.key_id)
    return word if counts else AttestationFate.HOST


async def _tell(tx: Writing, orphan: ReplayOrphanReceipt, ids: Ids) -> None:
    said = OrphanReceiptKept(
        receipt_id=orphan.receipt_id,
        session_id=orphan.session_id,
        call_id=orphan.call_id,
        agent=orphan.agent,
        tool=orphan.tool_name,
        status=orphan.status,
        evidence_level=orphan.evidence_level,
        arguments_hash=orphan.arguments_hash.hex(),
        output_hash=None if orphan.output_hash is None else orphan.output_hash.hex(),
        conflicting=orphan.conflicting,
        grant=orphan.grant_envelope,
        attestation=orphan.host_envelope,
        effect_key=None if orphan.effect_key is None else orphan.effect_key.hex(),
    )
    # Not in the session's stream: a restore may have lost the session with the call.
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
