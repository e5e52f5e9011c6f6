"""The instructor's window."""
