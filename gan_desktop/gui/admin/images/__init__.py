"""The page Images: data sets and their import."""
