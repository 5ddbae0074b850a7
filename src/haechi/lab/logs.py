"""Stands in for the role of logs: gateways send their EVE JSON by RELP over TLS, and a log host keeps what comes."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Literal

End = Literal["sends", "keeps"]
ENDS: tuple[End, End] = ("sends", "keeps")
PACKAGE, PORT = "rsyslog-relp", 20514
FOLDER, KEPT = "/etc/lab-relp", "/var/log/lab-from-gateways.json"
SECRETS = "relp"
FILES = ("ca.pem", "{}.pem", "{}.key")
# rsyslog's own documentation of imfile, omrelp and imrelp; both ends show a certificate of one authority.
_TLS = """tls="on" tls.cacert="{folder}/ca.pem" tls.mycert="{folder}/{own}.pem" tls.myprivkey="{folder}/{own}.key"
tls.authmode="name" tls.permittedpeer=["{peer}"]"""
# Suricata's statistics are longer than the eight kilobytes that rsyslog takes a line to be.
_HEAD = 'global(maxMessageSize="64k" workDirectory="{folder}")\n'
_SENDS = """{head}module(load="imfile")
module(load="omrelp")
input(type="imfile" file="/var/log/haechi-ids/*.json" tag="eve" readMode="0" ruleset="out")
template(name="line" type="string" string="%msg%\\n")
ruleset(name="out") {{
  action(type="omrelp" target="{keeper}" port="{port}" template="line" {tls}
  queue.type="linkedList" action.resumeRetryCount="-1")
}}
"""
_KEEPS = """{head}module(load="imrelp")
template(name="line" type="string" string="%rawmsg%\\n")
ruleset(name="in") {{ action(type="omfile" file="{kept}" template="line" fileCreateMode="0600") }}
input(type="imrelp" port="{port}" ruleset="in" {tls})
"""
COMMAND = "/usr/sbin/rsyslogd -n -f {folder}/rsyslog.conf -i NONE"
UNIT = f"""\
[Unit]
Description=Alerts of the lab's gateways, until there is a role for logs
After=network.target

[Service]
ExecStart={COMMAND.format(folder=FOLDER)}
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
"""


def configuration(end: End, keeper: str, folder: str = FOLDER, kept: str = KEPT) -> str:
    """Return the rsyslog.conf of one end; ``keeper`` is the log host's address, ``folder`` where its files lie."""
    tls = _TLS.format(folder=folder, own=end, peer=next(other for other in ENDS if other != end))
    head = _HEAD.format(folder=folder)
    if end == "sends":
        return _SENDS.format(head=head, keeper=keeper, port=PORT, tls=tls)
    return _KEEPS.format(head=head, kept=kept, port=PORT, tls=tls)


def certificates(folder: Path, days: int) -> None:
    """Make an authority and a certificate for either end, unless they are there (openssl-req(1))."""
    if all((folder / f"{end}.pem").is_file() for end in ENDS):
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    def make(name: str, *more: str) -> None:
        out = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem"), "-subj", f"/CN={name}"]
        subprocess.run([*new, *out, "-days", str(days), *more], check=True, capture_output=True)

    make("ca")
    for end in ENDS:
        signed = ("-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key"))
        make(end, *signed, "-addext", f"subjectAltName=DNS:{end}", "-addext", "basicConstraints=critical,CA:false")
