"""``python -m haechi.hr.receive --config FILE``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from haechi.hr.receive.serve import serve

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="haechi-receive", description="Take what HR says, and keep it for the worker."
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="JSON of the receiver's own")
    sys.exit(serve(parser.parse_args().config))
