"""Calling endpoints: what is due, to addresses that everybody may reach, and to no other.

The name of an endpoint is looked up once for each call. If it stands for no address, or for a
single one that is not public, nothing is called. Else the connection goes to an address of that
answer and to no other, whatever the name stands for a moment later; the certificate must be that of
the name. No redirect is followed and no proxy is used. A call has five seconds in all, and of what
a receiver answers at most 64 KiB are read, and only the status is kept.

Any number of services may send at once; what one of them has claimed the others leave. A receiver
that is slow holds up a few claims of its own and nothing of anybody else, and no connection of the
database waits for it.
"""
