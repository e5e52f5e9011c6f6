"""The lesson's clock, and its end."""
