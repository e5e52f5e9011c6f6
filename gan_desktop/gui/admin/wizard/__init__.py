"""The way to a class of one's own, page by page."""
