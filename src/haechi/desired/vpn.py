"""The VPN of a gateway: OpenVPN's two configurations, and who gets which addresses and routes (openvpn(8))."""

from __future__ import annotations

from haechi.desired.leaves import FOLDER as LEAVES
from haechi.pki.trust import Trust
from haechi.policy import tunnels
from haechi.policy.models import Policy
from haechi.policy.resolve import VPN_LEAF, addresses
from haechi.policy.tunnels import TCP, UDP
from haechi.policy.vpn import Vpn, VpnJob

FOLDER, RUN = "/etc/haechi/vpn", "/run/haechi-vpn"
HOOK = "/usr/bin/python3 -I /usr/lib/haechi/vpn.pyz"
ACCOUNT, PAM = "haechi-vpn", "haechi-vpn"
SUITES = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
CIPHERS = "AES-256-GCM:CHACHA20-POLY1305"
IP4 = 4


def build(policy: Policy, host: str, revoked: frozenset[str], trust: Trust) -> dict[str, object] | None:
    """Return the VPN of a host; None where there is none."""
    vpn = policy.vpn
    if vpn is None or policy.pki is None or vpn.host != host:
        return None
    return {
        "schema": 1,
        "people_ca": trust.vpn_people,
        "configurations": {by: configuration(policy, vpn, by) for by in (UDP, TCP)},
        "people": {
            "schema": 1,
            "site": policy.site.name,
            "network": str(vpn.network),
            "gateway": str(tunnels.gateway(vpn)),
            "session_s": vpn.session_minutes * 60,
            "idle_s": vpn.idle_minutes * 60,
            "people": tunnels.members(policy, revoked),
            "jobs": {name: _job(policy, job) for name, job in vpn.jobs.items()},
        },
        "crl": {"schema": 1, "address": str(policy.hosts[policy.pki.host].address), "port": vpn.crl_port},
    }


def _job(policy: Policy, job: VpnJob) -> dict[str, object]:
    networks = {str(one) for name in job.routes for one in addresses(policy, name) if one.version == IP4}
    return {**{by: str(half) for by, half in tunnels.halves(job.pool).items()}, "routes": sorted(networks)}


def configuration(policy: Policy, vpn: Vpn, by: str) -> str:
    """Return the configuration of one OpenVPN, by transport."""
    return "".join(
        f"{line}\n"
        for line in (
            "# Written by Haechi (role vpn).",
            *_network(policy, vpn, by),
            *_cryptography(by),
            *_people(vpn, by),
            *(f'push "dhcp-option DNS {server}"' for server in vpn.dns),
        )
    )


def _network(policy: Policy, vpn: Vpn, by: str) -> tuple[str, ...]:
    here = tunnels.gateway(vpn)
    return (
        "mode server",
        "tls-server",
        f"dev vpn-{by}",
        "dev-type tun",
        f"proto {'udp4' if by == UDP else 'tcp4-server'}",
        f"local {tunnels.address(policy, vpn)}",
        f"lport {vpn.udp_port if by == UDP else vpn.tcp_port}",
        "topology subnet",
        f"ifconfig {here} {vpn.network.netmask}",
        # Interface and routes are made before OpenVPN starts, by root, which it then needs no more.
        "ifconfig-noexec",
        "route-noexec",
        "disable-dco",
        'push "topology subnet"',
        f'push "route-gateway {here}"',
        "keepalive 10 60",
        "persist-tun",
    )


def _cryptography(by: str) -> tuple[str, ...]:
    leaf = f"{LEAVES}/{VPN_LEAF}"
    return (
        f"ca {FOLDER}/people.pem",
        f"cert {leaf}.pem",
        f"key {leaf}.key",
        "dh none",
        f"crl-verify {FOLDER}/revoked dir",
        "remote-cert-tls client",
        "verify-client-cert require",
        f"tls-crypt-v2 {FOLDER}/tls-crypt-v2.key{' force-cookie' if by == UDP else ''}",
        "tls-version-min 1.3",
        f"tls-ciphersuites {SUITES}",
        f"data-ciphers {CIPHERS}",
        "persist-key",
    )


def _people(vpn: Vpn, by: str) -> tuple[str, ...]:
    return (
        "script-security 2",
        f'tls-verify "{HOOK} verify {by}"',
        f'client-connect "{HOOK} connect {by}"',
        f'client-disconnect "{HOOK} disconnect {by}"',
        # PAM asks for a user, who is the one of the certificate, and for a code (README.auth-pam of OpenVPN).
        f'plugin openvpn-plugin-auth-pam.so "{PAM} login COMMONNAME verification PASSWORD"',
        f"auth-gen-token {vpn.session_minutes * 60}",
        f"auth-gen-token-secret {FOLDER}/token.key",
        f"management {RUN}/{by}.sock unix",
        "management-client-user root",
        f"user {ACCOUNT}",
        f"group {ACCOUNT}",
        f"tmp-dir {RUN}/asked",
        "verb 3",
    )
