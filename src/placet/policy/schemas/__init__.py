"""A tool's input schema and patterns: which are taken, what they say, and what they can cost.

- `shape`: the keywords that are taken, and no reference that leads out.
- `words`: what other dialects say, and what to write instead.
- `paths`: the paths that a schema has.
- `cost`: a bound on the time that a schema can take, known before it is used.
- `engine`: the compiled schema or pattern, by jsonschema-rs.
"""
