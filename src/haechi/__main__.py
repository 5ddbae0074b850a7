"""``python -m haechi`` is the command line ``haechi``."""

from __future__ import annotations

import sys

from haechi.cli import main

if __name__ == "__main__":
    sys.exit(main())
