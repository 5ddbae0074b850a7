"""Stand-ins for the log role: the gateway sends its EVE JSON by RELP over TLS, and a log host keeps what comes."""

from __future__ import annotations

import subprocess
from pathlib import Path

KEPT, PORT = "/var/log/hx-from-gateway.json", 20514
# rsyslog's own documentation of imfile, omrelp and imrelp; both ends show a certificate of one authority.
_TLS = """tls="on" tls.cacert="/root/hx-relp/ca.pem"
tls.mycert="/root/hx-relp/@.pem" tls.myprivkey="/root/hx-relp/@.key"
tls.authmode="name" tls.permittedpeer=["{peer}"]"""
# Suricata's statistics are longer than the eight kilobytes that rsyslog takes a line to be.
_LONG = 'global(maxMessageSize="64k")\n'
SENDS = f"""{_LONG}module(load="imfile")
module(load="omrelp")
input(type="imfile" file="/var/log/haechi-ids/*.json" tag="eve" readMode="0" ruleset="out")
template(name="line" type="string" string="%msg%\\n")
ruleset(name="out") {{
  action(type="omrelp" target="10.78.40.11" port="{PORT}" template="line" {_TLS.format(peer="logs")}
  queue.type="linkedList" action.resumeRetryCount="-1")
}}
"""
KEEPS = f"""{_LONG}module(load="imrelp")
template(name="line" type="string" string="%rawmsg%\\n")
ruleset(name="in") {{ action(type="omfile" file="{KEPT}" template="line") }}
input(type="imrelp" port="{PORT}" ruleset="in" {_TLS.format(peer="gateway")})
"""
ENDS = {"gateway": SENDS.replace("@", "gateway"), "logs": KEEPS.replace("@", "logs")}


def certificates(folder: Path) -> None:
    """Make an authority and a certificate for either end, for a day (openssl-req(1))."""
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]

    def make(name: str, *more: str) -> None:
        out = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem"), "-subj", f"/CN={name}"]
        subprocess.run([*new, *out, *more], check=True, capture_output=True)

    make("ca")
    for name in ENDS:
        signed = ("-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key"))
        make(name, *signed, "-addext", f"subjectAltName=DNS:{name}", "-addext", "basicConstraints=critical,CA:false")
