"""Artifacts of events: files too large for a body, kept by what they are.

An artifact is its bytes. Its name is their SHA-256, plain, so that `sha256sum` finds it; the same
bytes are kept once in a tenant, whoever brings them, and never shared between tenants. A subject is
an event of any stream; an artifact that belongs to a whole stream is linked to its first event.
Links are kept apart, each under a name that is its subject's own.

What is read is hashed first: bytes that are not those of the name are refused as
`artifact_damaged` and never handed on. An event that wants its artifact proved names the hash in
its body; the link alone stands outside the chain.

Failures: too many bytes are refused before anything is written; a subject that is not there, a
name that stands for something else already.
"""
