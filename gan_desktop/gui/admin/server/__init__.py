"""The page Server, and the rehearsal."""
