"""What is known of a condition before it is asked, and what it is asked on.

- `library`: cel-expr-python, by what is used of it.
- `tree`: the checked condition as a tree, read from the library's own bytes.
- `cost`: what asking it takes at most, and what it may not do at all.
- `patterns`: what a pattern takes at most.
- `given`: what it reads, and the values that it is given.
"""
