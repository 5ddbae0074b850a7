"""What sshd must be on a host: the configuration for each release of OpenSSH, and what it must amount to.

Two texts, because Debian 12 has OpenSSH 9.2 and Debian 13 has 10.0, and each refuses words of the other;
the host takes the one of its own release. ``expect`` is what ``sshd -T`` must then say, whatever other file
is on the host.
"""

from __future__ import annotations

from haechi import sshconfig
from haechi.pki.trust import NO_AUTHORITY, Trust
from haechi.policy.factors import FIDO2_GROUP, HARDWARE, WINDOW_GROUP
from haechi.policy.models import Kind, Policy, State
from haechi.policy.resolve import control_sources, keys_of

DROP_IN = "/etc/ssh/sshd_config.d/10-haechi.conf"
BOOTSTRAP_DROP_IN = "/etc/ssh/sshd_config.d/05-haechi-bootstrap.conf"
BANNER = "/etc/issue.net"
KEYS_FILE = "/etc/ssh/authorized_keys.d/%u"
HOST_CERTIFICATE = "/etc/ssh/ssh_host_ed25519_key-cert.pub"
USER_CA, REVOKED = "/etc/ssh/haechi/user_ca.pub", "/etc/ssh/haechi/revoked.krl"
PRINCIPALS_FILE = "/etc/ssh/haechi/principals/%u"
LOGIN_GROUP = "haechi-login"

# The release that brought PerSourcePenalties (release notes of OpenSSH 9.8) and the one before it in Debian.
NEW, OLD = "9.8", "9.2"
# Runs of forks arrive together at the host that everything passes through.
PASSAGE_STARTUPS = 64

Settings = dict[str, str]


def build(policy: Policy, host: str, trust: Trust = NO_AUTHORITY) -> dict[str, object]:
    """Return the desired sshd of one host."""
    automation = next(i for i in policy.identities if i.id == sshconfig.automation_id(policy))
    bastion = policy.site.bastion
    return {
        "schema": 1,
        "host_key": policy.hosts[host].host_key,
        "through": None if bastion == host else bastion,
        "automation": {
            "id": automation.id,
            "keys": list(keys_of(policy, automation)),
            "sources": list(control_sources(policy, host)),
        },
        "files": [
            {"path": BANNER, "content": policy.site.banner.rstrip("\n") + "\n", "mode": "0644"},
            {"path": BOOTSTRAP_DROP_IN, "content": None},
            *_host_certificate(host, trust),
        ],
        "variants": [
            _variant(release, settings(policy, host, release, trust), exceptions(policy, trust))
            for release in (OLD, NEW)
        ],
    }


def exceptions(policy: Policy, trust: Trust = NO_AUTHORITY) -> dict[str, Settings]:
    """Return the ``Match`` blocks, criterion to settings: whoever is in none needs a key and a one-time code.

    A security key is two factors, the device and its PIN, so sshd wants to see that the PIN was asked
    (``verify-required``, sshd_config(5)). The automation has one factor: it runs without anybody there.
    """
    robots = [i.id for i in policy.identities if i.kind is Kind.AUTOMATION and i.state is State.ACTIVE]
    one = {"AuthenticationMethods": "publickey", "KbdInteractiveAuthentication": "no"}
    hardware = {
        "PubkeyAcceptedAlgorithms": ",".join(_with_certificates(list(HARDWARE), certified=bool(trust.user_ca))),
        "PubkeyAuthOptions": "verify-required",
    }
    return {
        f"User {','.join(robots)}": one,
        f"Group {FIDO2_GROUP}": {**one, **hardware},
        f"Group {WINDOW_GROUP}": one,
    }


def settings(policy: Policy, host: str, release: str, trust: Trust = NO_AUTHORITY) -> Settings:
    """Return keyword -> value of the configuration on one host with one release, in the order written."""
    return {
        **_login(policy),
        **_algorithms(release, certified=bool(trust.user_ca)),
        **_certificates(host, trust),
        **_forwarding(policy, host),
        **_limits(policy, host, release),
        **_session(policy),
    }


def _variant(release: str, chosen: Settings, excepted: dict[str, Settings]) -> dict[str, object]:
    head = f"# Written by Haechi (role sshd) for OpenSSH {release} and later. The first value of a keyword wins.\n"
    lines = "".join(f"{keyword} {value}\n" for keyword, value in chosen.items())
    for criterion, values in excepted.items():
        lines += f"\nMatch {criterion}\n" + "".join(f"  {keyword} {value}\n" for keyword, value in values.items())
    return {
        "at_least": release,
        "path": DROP_IN,
        "content": head + lines,
        "mode": "0644",
        "expect": _expected(release, chosen),
    }


def _login(policy: Policy) -> Settings:
    return {
        "Port": str(policy.sshd.port),
        "HostKey": "/etc/ssh/ssh_host_ed25519_key",
        "PubkeyAuthentication": "yes",
        "AuthenticationMethods": "publickey,keyboard-interactive",
        "PasswordAuthentication": "no",
        # The one-time code, which PAM asks for (role mfa); PAM asks for no password here.
        "KbdInteractiveAuthentication": "yes",
        "PermitEmptyPasswords": "no",
        "HostbasedAuthentication": "no",
        "GSSAPIAuthentication": "no",
        "KerberosAuthentication": "no",
        "IgnoreRhosts": "yes",
        "PermitRootLogin": "no",
        "UsePAM": "yes",
        "StrictModes": "yes",
        "AllowGroups": LOGIN_GROUP,
        "AuthorizedKeysFile": KEYS_FILE,
        "MaxAuthTries": str(policy.sshd.max_auth_tries),
        "LoginGraceTime": str(policy.sshd.login_grace_seconds),
    }


def _host_certificate(host: str, trust: Trust) -> list[dict[str, object]]:
    line = trust.host_certificates.get(host)
    return [{"path": HOST_CERTIFICATE, "content": f"{line}\n", "mode": "0644"}] if line else []


def _certificates(host: str, trust: Trust) -> Settings:
    """Return what makes sshd take certificates; the role accounts places these files before sshd reads them."""
    if not trust.user_ca:
        return {}
    own = {"HostCertificate": HOST_CERTIFICATE} if host in trust.host_certificates else {}
    return {
        "TrustedUserCAKeys": USER_CA,
        "AuthorizedPrincipalsFile": PRINCIPALS_FILE,
        "RevokedKeys": REVOKED,
        **own,
    }


def _algorithms(release: str, *, certified: bool) -> Settings:
    # Hybrid exchanges first: what is recorded today stays secret from a quantum computer (FIPS 203; draft-ietf-sshm).
    exchanges = ["sntrup761x25519-sha512@openssh.com", "curve25519-sha256", "curve25519-sha256@libssh.org"]
    if release == NEW:
        exchanges = ["mlkem768x25519-sha256", "sntrup761x25519-sha512", *exchanges]
    hardware, rsa = list(HARDWARE), ["rsa-sha2-512", "rsa-sha2-256"]
    accepted = _with_certificates(["ssh-ed25519", *hardware, *rsa], certified=certified)
    return {
        "KexAlgorithms": ",".join(exchanges),
        "Ciphers": "aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-gcm@openssh.com",
        "MACs": "hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com",
        "HostKeyAlgorithms": "ssh-ed25519-cert-v01@openssh.com,ssh-ed25519" if certified else "ssh-ed25519",
        "PubkeyAcceptedAlgorithms": ",".join(accepted),
        "CASignatureAlgorithms": ",".join(["ssh-ed25519", *hardware, *rsa]),
        "RequiredRSASize": "3072",
        "RekeyLimit": "1G 1h",
    }


def _with_certificates(names: list[str], *, certified: bool) -> list[str]:
    own = [f"{name.removesuffix('@openssh.com')}-cert-v01@openssh.com" for name in names] if certified else []
    return [*names, *own]


def _forwarding(policy: Policy, host: str) -> Settings:
    jump = host in policy.sshd.jump_hosts
    return {
        "DisableForwarding": "no" if jump else "yes",
        "AllowTcpForwarding": "local" if jump else "no",
        "PermitOpen": " ".join(_targets(policy, host)) if jump else "none",
        "PermitListen": "none",
        "AllowAgentForwarding": "no",
        "AllowStreamLocalForwarding": "no",
        "X11Forwarding": "no",
        "PermitTunnel": "no",
        "GatewayPorts": "no",
    }


def _targets(policy: Policy, jump_host: str) -> list[str]:
    # sshd compares with the name that the client asks for, so these are addresses, as our ssh configuration uses.
    others = [host for name, host in policy.hosts.items() if host.managed and name != jump_host]
    four = [f"{host.address}:{policy.sshd.port}" for host in others]
    six = [f"[{host.address6}]:{policy.sshd.port}" for host in others if host.address6 is not None]
    return [*four, *six] or ["none"]


def _limits(policy: Policy, host: str, release: str) -> Settings:
    passage = host == policy.site.bastion or host in policy.sshd.jump_hosts
    per_source = max(policy.sshd.max_startups_per_source, PASSAGE_STARTUPS if passage else 0)
    limits = {
        "MaxStartups": f"{per_source * 2}:30:{per_source * 4}",
        "PerSourceMaxStartups": str(per_source),
        "PerSourceNetBlockSize": "32:64",
        "MaxSessions": "10",
    }
    if release == NEW:
        # A key that is offered and unknown counts as no attempt (noauth), and keys are all that can be tried here.
        causes = "crash:90 authfail:5 noauth:3 grace-exceeded:10 refuseconnection:10"
        limits["PerSourcePenalties"] = f"{causes} max:600 min:15"
        limits["PerSourcePenaltyExemptList"] = ",".join(control_sources(policy, host))
    return limits


def _session(policy: Policy) -> Settings:
    idle = policy.sshd.idle_seconds
    return {
        # Three unanswered questions within the idle time end a connection to a machine that went away.
        "ClientAliveInterval": str(idle // 3),
        "ClientAliveCountMax": "3",
        "TCPKeepAlive": "no",
        "ChannelTimeout": f"session:shell={idle}",
        "UnusedConnectionTimeout": str(idle),
        "PermitUserEnvironment": "no",
        "PermitUserRC": "no",
        "Compression": "no",
        "UseDNS": "no",
        "Banner": BANNER,
        "DebianBanner": "no",
        "VersionAddendum": "none",
        "PrintMotd": "no",
        "LogLevel": "VERBOSE",
        "SyslogFacility": "AUTH",
    }


def _expected(release: str, chosen: Settings) -> Settings:
    expected = {keyword.lower(): value for keyword, value in chosen.items()}
    # `sshd -T` words these differently from the file.
    expected["rekeylimit"] = "1073741824 3600"
    if release == OLD:
        del expected["debianbanner"]
    else:
        # Each field that was not given is filled in.
        tail = "max-sources4:65536 max-sources6:65536 overflow:permissive overflow6:permissive"
        expected["persourcepenalties"] += f" {tail}"
    return expected
