"""PyTorch lives here: networks, images, one unit's steps, payloads, merging, quality."""
