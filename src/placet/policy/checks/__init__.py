"""What is wrong with a well-formed contract, and what is worth saying of it.

`check` asks every file beside it, in one pass, and returns all findings. Each finding has a code
of its own, stands at the key or value that is at fault, and says what to do.
"""
