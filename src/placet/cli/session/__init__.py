"""`placet session`: what agents have under way, and how an operator ends it."""
