"""The worker's loop: claim, load, compute, hand in."""
