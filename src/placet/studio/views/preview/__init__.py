"""What an approval would change, what stands against it, and whose votes are missing."""
