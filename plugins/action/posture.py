"""The controller's half of ``haechi.guard.posture``: have the host look at itself."""

from __future__ import annotations

from ansible_collections.haechi.guard.plugins.modules.posture import ARGUMENT_SPEC
from ansible_collections.haechi.guard.plugins.plugin_utils import hosttask


class ActionModule(hosttask.HostTask):
    """One round trip."""

    _host = hosttask.Part("posture")
    _spec = ARGUMENT_SPEC
