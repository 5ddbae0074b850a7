"""The controller's half of ``haechi.guard.vpn``: none but to send it."""

from __future__ import annotations

from ansible_collections.haechi.guard.plugins.modules.vpn import ARGUMENT_SPEC
from ansible_collections.haechi.guard.plugins.plugin_utils import hosttask


class ActionModule(hosttask.HostTask):
    """One round trip."""

    _host = hosttask.Part("vpn")
    _spec = ARGUMENT_SPEC
