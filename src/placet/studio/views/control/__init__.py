"""The path of one tool's calls: its stages, gates and proofs, and what came of calls on it."""
