"""`python -m gan_desktop` is `gan-desktop`."""

from __future__ import annotations

import sys

from gan_desktop.cli import main

if __name__ == "__main__":
    sys.exit(main())
