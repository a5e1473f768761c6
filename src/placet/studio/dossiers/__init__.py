"""Everything that proves one approval, or one artifact, put into one file.

A read model: pure rules that arrange what is kept elsewhere. The client uses them on what a service
told it, the service on its own rows, and both get the same bytes for the same approval.
"""
