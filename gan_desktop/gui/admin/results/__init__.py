"""The page Results, and publishing."""
