"""What scans of the runtime found of the approval in force, and what they did not."""
