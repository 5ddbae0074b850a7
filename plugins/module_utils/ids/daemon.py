"""What a gateway runs by itself: load the queues at boot, watch Suricata, fire the canary."""

from __future__ import annotations

import sys

from ansible_collections.haechi.guard.plugins.module_utils.ids import canary, queues, watch


def main(arguments: list[str]) -> int:
    """Do ``load``, ``watch NAME..`` or ``canary NAME..``."""
    what, names = arguments[0], arguments[1:]
    try:
        if what == "load":
            queues.load()
        elif what == "canary":
            return min(1, canary.fire(names))
        else:
            watch.watch(names)
    except (queues.QueueError, OSError, KeyError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0
