"""The end of a course, step by step."""
