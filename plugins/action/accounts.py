"""The controller's half of ``haechi.guard.accounts``: have the host do it."""

from __future__ import annotations

from ansible_collections.haechi.guard.plugins.modules.accounts import ARGUMENT_SPEC
from ansible_collections.haechi.guard.plugins.plugin_utils import hosttask


class ActionModule(hosttask.HostTask):
    """One round trip."""

    _host = hosttask.Part("accounts")
    _spec = ARGUMENT_SPEC
