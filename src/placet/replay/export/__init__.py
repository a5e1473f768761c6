"""What a session's stream says, and bundles that a verifier reads without us.

Read models: they change nothing. A bundle's heads are read on one snapshot; its events, which
never change, by the page in short transactions after that (`pages`): of one stream or of many, so
many events or so many bytes of bodies, and one page ahead of what is being sent. So an export of
any size takes little memory and holds nothing open while its reader is slow.

An export takes a place among those of its tenant that this process writes (`running`): two that
auditors take and eight of single sessions. It takes it before anything is done for it, and gives
it back when the last byte was taken, when it breaks off or is refused, and when its reader leaves
or is cut off.

Failures: one export more than there are places is refused with `too_many_exports`. A database that
does not answer breaks a bundle off, and one without its last line verifies nowhere.
"""
