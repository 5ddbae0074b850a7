"""What records sudo on one host: a loopback sudo_logsrvd that stores first, and on the log host the one that keeps.

stunnel carries recordings to the log host: Debian 12's sudo is built without TLS, and Debian 13's relay ends when a
handshake fails, which would take people's sudo away with the log host. ``variants``, by release, differ on the log host
alone, where Debian 13's own TLS serves (sudo_logsrvd.conf(5), stunnel(8)).
"""

from __future__ import annotations

from haechi.desired import leaves
from haechi.pki.trust import Trust
from haechi.policy.models import Kind, Policy, State
from haechi.policy.resolve import RECORDER_LEAF, RECORDINGS_PORT, REPLAY, addresses

LOCAL, TUNNEL = "127.0.0.1:30343", "127.0.0.1:30346"
SUDOERS = "/etc/sudoers.d/haechi_recorder"
CONF, STUNNEL = "/etc/sudo_logsrvd.conf", "/etc/haechi/recorder/stunnel.conf"
KEPT, QUEUE = "/var/log/sudo-io", "/var/log/sudo_logsrvd"
SERVICE, WATCH, TUNNEL_SERVICE = leaves.RECORDER, "haechi-recorder-watch", leaves.TUNNEL
LEAF = f"{leaves.FOLDER}/{RECORDER_LEAF}"
CA = f"{leaves.FOLDER}/root.pem"
# A person waits no longer than this for a recorder that does not answer, and is then refused.
ANSWER_S = 5
NEVER_RECORDED = frozenset({Kind.AUTOMATION, Kind.BREAK_GLASS})
CIPHERS = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"


def build(policy: Policy, host: str, trust: Trust) -> dict[str, object]:
    """Return the recorder of a host with its TLS certificates; ``here`` is false where policy names no log host."""
    told = {"schema": 1, "x509": leaves.build(policy, host, trust)}
    if policy.recorder is None:
        return {**told, "here": False}
    server = policy.recorder.host == host
    return {
        **told,
        "here": True,
        "keeps": server,
        "listen": LOCAL,
        "late_s": policy.recorder.late_minutes * 60,
        "queue": QUEUE,
        "far": "" if server else f"{_far(policy)}:{RECORDINGS_PORT}",
        "variants": {release: _variant(policy, host, release) for release in ("12", "13")},
    }


def sudoers(policy: Policy) -> dict[str, object] | None:
    """Return the file that has sudo ask the recorder first; None where nothing is recorded.

    Whoever must get in when all else is broken never waits for a recorder: events go to syslog, as sudo does anyway.
    """
    if policy.recorder is None:
        return None
    free = ["root", *(who.id for who in policy.identities if _free(policy, who.id))]
    lines = (
        "# Written by Haechi (role recorder): no recorder, no sudo; what is typed is never recorded (sudoers(5)).",
        f'Defaults log_output, !log_input, !log_stdin, !log_passwords, log_servers="{LOCAL}"',
        f"Defaults log_server_timeout={ANSWER_S}, !ignore_iolog_errors, !ignore_logfile_errors",
        f"Defaults:{','.join(free)} !log_output, !log_servers, ignore_iolog_errors, ignore_logfile_errors",
        f"Defaults!{REPLAY.commands[0]} !log_output",
    )
    text = "".join(f"{line}\n" for line in lines)
    return {"path": SUDOERS, "content": text, "mode": "0440", "owner": "root", "group": "root"}


def _free(policy: Policy, name: str) -> bool:
    who = next(identity for identity in policy.identities if identity.id == name)
    return who.kind in NEVER_RECORDED and who.state is State.ACTIVE


def _variant(policy: Policy, host: str, release: str) -> dict[str, object]:
    keeps = policy.recorder is not None and policy.recorder.host == host
    tunnel = release == "12" or not keeps
    files = {CONF: _keeping(policy, host, tls=not tunnel) if keeps else _relaying()}
    if tunnel:
        files[STUNNEL] = _stunnel(policy, host)
    return {
        "packages": ["stunnel4"] if tunnel else [],
        "files": [{"path": path, "content": text, "mode": "0644"} for path, text in files.items()],
        "tunnel": tunnel,
    }


def _far(policy: Policy) -> str:
    return str(policy.hosts[policy.recorder.host].address) if policy.recorder is not None else ""


def _section(name: str, rows: dict[str, str]) -> str:
    return f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in rows.items())


def _tls() -> dict[str, str]:
    return {
        "tls_verify": "true",
        "tls_checkpeer": "true",
        "tls_cacert": CA,
        "tls_cert": f"{LEAF}.pem",
        "tls_key": f"{LEAF}.key",
        "tls_ciphers_v13": CIPHERS,
    }


def _keeping(policy: Policy, host: str, *, tls: bool) -> str:
    """Return the configuration of the log host: one folder a host, one below it a person."""
    own = [str(network.network_address) for network in addresses(policy, host) if network.version == 4]  # noqa: PLR2004
    far = "".join(f"listen_address = {address}:{RECORDINGS_PORT}(tls)\n" for address in own) if tls else ""
    return (
        "# Written by Haechi (role recorder).\n"
        + _section("server", {"listen_address": LOCAL})
        + far
        + ("".join(f"{key} = {value}\n" for key, value in _tls().items()) if tls else "")
        + _section(
            "iolog", {"iolog_dir": f"{KEPT}/%{{hostname}}", "iolog_file": "%{user}/%{seq}", "iolog_mode": "0600"}
        )
        + "iolog_flush = true\nlog_passwords = false\n"
        + _section("eventlog", {"log_type": "syslog", "log_exit": "true"})
    )


def _relaying() -> str:
    """Return the configuration of every other host: on its own disk first, then to the log host."""
    relay = {
        "relay_host": TUNNEL,
        "relay_dir": QUEUE,
        "store_first": "true",
        "connect_timeout": "10",
        "retry_interval": "15",
    }
    return (
        "# Written by Haechi (role recorder).\n"
        + _section("server", {"listen_address": LOCAL})
        + _section("relay", relay)
        + _section("iolog", {"log_passwords": "false"})
        + _section("eventlog", {"log_type": "syslog", "log_exit": "true"})
    )


def _stunnel(policy: Policy, host: str) -> str:
    keeps = policy.recorder is not None and policy.recorder.host == host
    here = str(policy.hosts[host].address)
    ends = (
        {"client": "no", "accept": f"{here}:{RECORDINGS_PORT}", "connect": LOCAL, "requireCert": "yes"}
        if keeps
        else {
            "client": "yes",
            "accept": TUNNEL,
            "connect": f"{_far(policy)}:{RECORDINGS_PORT}",
            "checkIP": _far(policy),
        }
    )
    # sudo_logsrvd takes no session up again (SSL_CTX_set_session_id_context(3)): each connection is a new one.
    common = {"sslVersionMin": "TLSv1.3", "CAfile": CA, "verifyChain": "yes", "sessionResume": "no"}
    head = "; Written by Haechi (role recorder).\nforeground = yes\nsyslog = no\ndebug = notice\npid =\n"
    return head + _section("recorder", {**ends, "cert": f"{LEAF}.pem", "key": f"{LEAF}.key", **common})
