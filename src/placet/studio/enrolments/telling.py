"""What is answered about an enrolment, and what the `authority` stream is told."""

from msgspec.structs import asdict

from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.evidence.enrolment import ENROLMENT_VOTE_TYPE
from placet.evidence.vote import CheckpointSeen
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.storage.database import Writing
from placet.studio.enrolments import rules
from placet.studio.enrolments.model import (
    Enrolment,
    EnrolmentAnswer,
    EnrolmentAsked,
    EnrolmentConfirmation,
    EnrolmentConfirmed,
    EnrolmentDeclined,
    EnrolmentSeconded,
    EnrolmentStatus,
)


def answer(
    enrolment: Enrolment,
    said: list[EnrolmentConfirmation],
    status: EnrolmentStatus,
    latest: CheckpointSeen | None,
) -> EnrolmentAnswer:
    """Return an enrolment as it is shown, with what exactly is to be signed about it."""
    return EnrolmentAnswer(
        enrolment_id=enrolment.enrolment_id,
        workspace_id=enrolment.workspace_id,
        actor_id=enrolment.actor_id,
        key_id=enrolment.key_id,
        status=status,
        proof=enrolment.proof,
        asked_at=enrolment.asked_at,
        expires_at=enrolment.expires_at,
        groups=enrolment.groups,
        missing=rules.missing(enrolment, said),
        confirmed_by=[each.confirmed_by for each in said],
        counts_from=next((each.counts_from for each in said if each.counts_from), None),
        vote_type=ENROLMENT_VOTE_TYPE,
        vote_fields=rules.fields_to_sign(enrolment, latest),
    )


def asked(enrolment: Enrolment) -> EnrolmentAsked:
    """Return what is said when somebody asks."""
    told = asdict(enrolment) | {"challenge": enrolment.challenge.hex()}
    return EnrolmentAsked(**{name: told[name] for name in EnrolmentAsked.__struct_fields__})


def seconded(enrolment: Enrolment, confirmation: EnrolmentConfirmation) -> EnrolmentSeconded:
    """Return what is said when an approver signed and others are missing still."""
    return EnrolmentSeconded(
        enrolment_id=enrolment.enrolment_id,
        workspace_id=enrolment.workspace_id,
        actor_id=enrolment.actor_id,
        key_id=enrolment.key_id,
        seconded_by=confirmation.confirmed_by,
        envelope=confirmation.envelope,
        groups=confirmation.groups,
    )


def confirmed(enrolment: Enrolment, confirmation: EnrolmentConfirmation) -> EnrolmentConfirmed:
    """Return what is said when nobody is missing any more."""
    return EnrolmentConfirmed(
        enrolment_id=enrolment.enrolment_id,
        workspace_id=enrolment.workspace_id,
        actor_id=enrolment.actor_id,
        key_id=enrolment.key_id,
        confirmed_by=confirmation.confirmed_by,
        envelope=confirmation.envelope,
        groups=enrolment.groups,
        counts_from=confirmation.counts_from or confirmation.confirmed_at,
    )


def declined(enrolment: Enrolment, confirmation: EnrolmentConfirmation) -> EnrolmentDeclined:
    """Return what is said when an approver declined."""
    return EnrolmentDeclined(
        enrolment_id=enrolment.enrolment_id,
        workspace_id=enrolment.workspace_id,
        actor_id=enrolment.actor_id,
        key_id=enrolment.key_id,
        declined_by=confirmation.confirmed_by,
        envelope=confirmation.envelope,
    )


async def tell(tx: Writing, said: Value, ids: Ids) -> None:
    """Append to the `authority` stream of the tenant. Comes last in a transaction."""
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
