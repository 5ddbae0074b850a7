"""One task's work on a host, carried out for a controller that sent this code along.

The request is ``{"part": str, "asked": {}, "check": bool, "nonce": str}``, on one line; the answer, on one line too, is
``{"result": what the part's ``task.perform`` returned, "nonce": str}``.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable


def run(text: str, say: Callable[[str], object]) -> None:
    """Carry a request out and say the answer."""
    request = json.loads(text)
    part = importlib.import_module(f"{__package__}.{request['part']}.task")
    result = part.perform(request["asked"], check=request["check"])
    say(json.dumps({"result": result, "nonce": request["nonce"]}))
