"""`placet policy`: contracts at the terminal, one file per command, no service needed."""
