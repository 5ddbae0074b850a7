"""Make the VPN of a gateway what policy says, in one round trip; what OpenVPN does not take replaces nothing."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.haechi.guard.plugins.module_utils import alarm, program, running, tree
from ansible_collections.haechi.guard.plugins.module_utils.baseline import files
from ansible_collections.haechi.guard.plugins.module_utils.pki import crl, held, x509
from ansible_collections.haechi.guard.plugins.module_utils.pull import document, fetch
from ansible_collections.haechi.guard.plugins.module_utils.tree import Step
from ansible_collections.haechi.guard.plugins.module_utils.vpn import hook, management, revoked, trial, units

FOLDER = "/etc/haechi/vpn"
SECRETS = {f"{FOLDER}/tls-crypt-v2.key": "tls-crypt-v2-server", f"{FOLDER}/token.key": "auth-token"}
LEAF = "/etc/haechi/x509/vpn.pem"
# As long as a busy host may take.
PATIENCE_S = 30.0


class VpnError(Exception):
    """The VPN cannot be made so; the text says why, and what ran before runs on."""


def ensure(desired: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """Return a module's result. Raises ``VpnError``, ``TreeError`` or ``OSError``."""
    if not desired["people_ca"] and not check:
        raise VpnError("the authority of its people is not made yet: run site.yml with the tag pki first")
    if not Path(LEAF).is_file() and not check:
        raise VpnError(f"{LEAF} is missing: role recorder makes it, once the X.509 root was made (haechi ca root)")
    around, conf, stale = _around(desired), _configurations(desired), _programs()
    absent = [path for path in SECRETS if not Path(path).is_file()]
    names = [*units.SERVICES, f"{units.CRL}.timer"]
    idle = {} if check and not Path("/usr/sbin/openvpn").exists() else running.lacking(names)
    changes = [
        *(f"{path}: absent -> made, a secret" for path in absent),
        *(f"{path}: -> as this release has it" for path in stale),
        *(step.path for step in (*around, *conf)),
        *(f"{name}: {words}" for name, words in idle.items()),
    ]
    result = {"changed": bool(changes), "changes": changes, "diff": [*map(tree.diff, (*around, *conf))]}
    if changes and not check:
        _place(around, stale, absent)
        _activate(conf, {step.path for step in around} | {*stale, *absent}, names)
    return result


def _around(desired: Mapping[str, Any]) -> tuple[Step, ...]:
    """Return what is read anew by whoever reads it: units, PAM, people, authorities."""
    rows = {
        **units.texts(),
        hook.SETTINGS: json.dumps(desired["people"], indent=1, sort_keys=True) + "\n",
        revoked.CONFIG: json.dumps(desired["crl"], sort_keys=True) + "\n",
        revoked.PEOPLE: str(desired["people_ca"]),
    }
    return _steps(rows)


def _configurations(desired: Mapping[str, Any]) -> tuple[Step, ...]:
    return _steps({f"{FOLDER}/{by}.conf": text for by, text in desired["configurations"].items()})


def _steps(rows: Mapping[str, str]) -> tuple[Step, ...]:
    wanted = tree.wanted(
        {"path": path, "content": text, "mode": "0644", "owner": "root", "group": "root"} for path, text in rows.items()
    )
    return tree.plan({file.path: tree.observe(file.path) for file in wanted}, wanted, ())


def _programs() -> dict[str, bytes]:
    """Return the programs that are not this release's."""
    common = (files, held, document)
    made = {
        units.HOOK: program.build("vpn.hook", [part.__name__ for part in (*common, hook, management)]),
        units.REVOKED: program.build(
            "vpn.revoked", [part.__name__ for part in (*common, alarm, crl, x509, fetch, revoked)]
        ),
    }
    return {path: data for path, data in made.items() if not Path(path).is_file() or Path(path).read_bytes() != data}


def _place(around: Iterable[Step], stale: Mapping[str, bytes], absent: Iterable[str]) -> None:
    for path, data in stale.items():
        files.write(path, data, mode=0o755, uid=0, gid=0)
    for step in around:
        tree.put(step.path, step.after)
    for path in absent:
        _make_secret(path)
    files.make_folder(Path(revoked.NUMBERS))
    running.must(VpnError, "systemd-sysusers", "/etc/sysusers.d/haechi-vpn.conf")
    running.must(VpnError, "systemd-tmpfiles", "--create", "/etc/tmpfiles.d/haechi-vpn.conf")
    running.must(VpnError, "systemctl", "daemon-reload")


def _make_secret(path: str) -> None:
    """Make a key of OpenVPN's own, whole or not at all (openvpn(8), --genkey)."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "key")
        running.must(VpnError, "openvpn", "--genkey", SECRETS[path], str(made))
        files.write(path, made.read_bytes(), mode=0o600, uid=0, gid=0)


def _activate(conf: Sequence[Step], changed: set[str], names: list[str]) -> None:
    """Try, swap, start, prove; the old configuration comes back where the new one does not run."""
    for step in conf:
        if why := trial.complaint(tree.text(step.after)):
            raise VpnError(f"OpenVPN does not take {step.path}, so what runs was left alone: {why}")
    for step in conf:
        tree.put(step.path, step.after)
    # Both tell OpenVPN who may come at all, and it reads them once.
    everything = bool(changed & {revoked.PEOPLE, *SECRETS, *(path for path in changed if path.endswith("@.service"))})
    due = [by for by in units.TRANSPORTS if everything or f"{FOLDER}/{by}.conf" in {step.path for step in conf}]
    try:
        running.must(VpnError, "systemctl", "enable", "--quiet", *names)
        for by in due:
            running.must(VpnError, "systemctl", "restart", f"{units.SERVICE}{by}.service")
        running.must(VpnError, "systemctl", "start", *names)
        _proven()
    except (VpnError, OSError):
        tree.restore(conf)
        for by in due:
            running.run("systemctl", "restart", f"{units.SERVICE}{by}.service")
        raise
    if hook.SETTINGS in changed:
        for by in units.TRANSPORTS:
            running.must(VpnError, "python3", "-I", units.HOOK, "device", by)


def _proven() -> None:
    """Raise ``VpnError`` where one of both does not say that it is ready."""
    until = time.monotonic() + PATIENCE_S
    for by in units.TRANSPORTS:
        while not any("CONNECTED,SUCCESS" in row for row in management.ask(f"{management.FOLDER}/{by}.sock", "state")):
            if time.monotonic() > until:
                done = running.run("journalctl", "-n", "3", "-o", "cat", "--no-pager", "-u", f"{units.SERVICE}{by}")
                raise VpnError(f"OpenVPN over {by} does not get ready: {' / '.join(done.stdout.splitlines())[-400:]}")
            time.sleep(0.2)
