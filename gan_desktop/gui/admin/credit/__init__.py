"""The page Credit."""
