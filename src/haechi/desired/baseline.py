"""What the operating system of one host must be, from policy."""

from __future__ import annotations

from haechi.desired import firewall
from haechi.policy.models import Kind, Policy

# chrony serves the time on the time server itself; everybody else only follows.
CLIENT = "systemd-timesyncd"
# pam_pwquality refuses every new password, an aged one's forced change too, while the dictionary is missing;
# cracklib-runtime makes it and is only a recommendation of Debian's package.
PASSWORDS = ("libpam-pwquality", "cracklib-runtime")
# Asks for the one-time code (role mfa): of Debian's two, the one whose users have a file each, so that a seed is the
# role's and a used code PAM's. pam_oath keeps all in one file that it rewrites at every login.
CODES = ("libpam-google-authenticator",)


# A last ACK that belongs to no connection must be told apart from one that could, and a cookie keeps what the client
# offered in the timestamp (nft(8), SYNPROXY STATEMENT; iptables-extensions(8), SYNPROXY).
COOKIES = {"net.netfilter.nf_conntrack_tcp_loose": "0", "net.ipv4.tcp_timestamps": "1"}


def kernel_values(policy: Policy, name: str) -> dict[str, str]:
    """Return the kernel values that follow from the host's place in the network.

    A gateway forwards and nobody else does; where a container engine runs, forwarding is the engine's own affair.
    """
    host = policy.hosts[name]
    values = {} if host.containers else {"net.ipv4.ip_forward": str(int(host.gateway))}
    if policy.site.ipv6 == "off":
        values |= {f"net.ipv6.conf.{scope}.disable_ipv6": "1" for scope in ("all", "default")}
    return values | (COOKIES if firewall.proxied(policy, name) else {})


def time_server(policy: Policy, host: str) -> str | None:
    """Return the address of the site's time server as ``host`` reaches it; none on the server itself."""
    server = policy.site.time_server
    return None if server is None or server == host else str(policy.hosts[server].address)


def build(policy: Policy, host: str, revoked: frozenset[str]) -> dict[str, object]:
    """Return the baseline of ``host``. Leavers make no difference here: what they lose is the accounts' part.

    Raises ``KeyError`` where policy has no such host.
    """
    del revoked
    server = time_server(policy, host)
    return {
        "schema": 1,
        "password": policy.password.model_dump(),
        "banner": policy.site.banner.rstrip("\n"),
        "known": sorted(identity.id for identity in policy.identities),
        "sealed": sorted(who.id for who in policy.identities if who.kind is Kind.BREAK_GLASS),
        "sysctl": kernel_values(policy, host),
        "time_server": server,
        "packages": [*PASSWORDS, *CODES, *([CLIENT] if server else [])],
    }
