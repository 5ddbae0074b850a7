"""A profile on its way: the key made here, its certificate signed where the authority is, the seed to the gateway."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from haechi import sent
from haechi.mfa import code
from haechi.mfa.desk import Desk
from haechi.pki import trust
from haechi.pki.trust import ROOT
from haechi.vpn import desk, profile

MODULE_UTILS = Path(__file__).resolve().parents[3] / "plugins/module_utils"


def look(here: Desk) -> Mapping[str, Any]:
    """Return what the gateway knows of the person's profile. Raises ``AnswerError``."""
    asked = {"do": "look", "person": here.person}
    return sent.perform(here.inventory, desk.vpn_of(here.policy).host, "profile", asked, MODULE_UTILS)


def deliver(here: Desk, seed: str, out: Path, *, again: bool) -> str:
    """Have the certificate signed and the seed placed, write the profile; return the certificate's number.

    Raises ``AnswerError`` with the words of the host that refused, ``OSError`` where the profile cannot be written.
    """
    vpn, pki = desk.vpn_of(here.policy), here.policy.pki
    root = here.state / trust.FOLDER / ROOT
    key, csr = profile.new_key(here.person)
    asked = {"do": "sign", "person": here.person, "csr": csr, "days": vpn.profile_days, "again": again}
    signed = sent.perform(here.inventory, pki.host if pki else "", "profile", asked, MODULE_UTILS)
    placed = {"do": "place", "person": here.person, "text": code.file_text(seed), "again": again}
    given = sent.perform(here.inventory, vpn.host, "profile", placed, MODULE_UTILS)
    parts = profile.Parts(
        root=root.read_text(encoding="ascii"), certificate=signed["certificate"], key=key, hiding=given["key"]
    )
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(profile.text(here.policy, vpn, parts))
    return str(signed["serial"])
