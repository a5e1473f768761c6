"""Looking for a text in every body of a tenant, and in the arguments, outputs and artifacts too.

The database finds the rows that may hold it, by the bytes in which it would be written; what they
are is then decided by reading them as JSON, string by string, and opening what stands in base64.
Pages are short transactions in the order of the key, of so many rows and bytes at most: what is
added behind the place that was reached is found by the next look.
"""
