"""What one can do without a class: `gan-desktop train` and `gan-desktop faces`."""

from __future__ import annotations
