"""The commands under `placet view`, one file each."""
