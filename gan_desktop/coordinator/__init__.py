"""The coordinator's loop: merge, publish, evaluate, watch."""
