"""`placet draft`: contracts under work, from the terminal."""
