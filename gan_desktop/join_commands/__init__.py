"""A student's console beside the worker itself: `gan-desktop join`, `classes` and `leave`."""
