"""Drafts and commands as lists show them: read in one query each, without contracts."""
