"""The units of the VPN, its account and folders, and what PAM asks. Texts, no I/O."""

from __future__ import annotations

from ansible_collections.haechi.guard.plugins.module_utils.renewal.units import FOLDER

ACCOUNT, SEEDS = "haechi-vpn", "/var/lib/haechi/vpn-mfa"
HOOK, REVOKED = "/usr/lib/haechi/vpn.pyz", "/usr/lib/haechi/vpn-crl.pyz"
TRANSPORTS = ("udp", "tcp")
SERVICE, CRL, SERVICE_PAM = "haechi-vpn@", "haechi-vpn-crl", "haechi-vpn"
SERVICES = tuple(f"{SERVICE}{by}.service" for by in TRANSPORTS)
_HEAD = "# Written by Haechi (role vpn).\n"
# The tunnels' interface is made before, so OpenVPN gives root away; PAM is asked by a process of its own that keeps it.
_OPENVPN = f"""{_HEAD}[Unit]
Description=VPN of people over %i (Haechi)
After=network-online.target haechi-firewall.service systemd-tmpfiles-setup.service
Wants=network-online.target
StartLimitIntervalSec=0
[Service]
Type=notify
ExecStartPre=/usr/bin/find /run/haechi-vpn/%i -type f -delete
ExecStartPre=/usr/bin/python3 -I {HOOK} device %i
ExecStart=/usr/sbin/openvpn --suppress-timestamps --config /etc/haechi/vpn/%i.conf
KillMode=mixed
TimeoutStopSec=5
Restart=always
RestartSec=2
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_SETGID CAP_SETUID CAP_SETPCAP CAP_DAC_OVERRIDE
CapabilityBoundingSet=CAP_CHOWN CAP_FOWNER CAP_AUDIT_WRITE
DeviceAllow=/dev/null rw
DeviceAllow=/dev/net/tun rw
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=/run/haechi-vpn {SEEDS}
PrivateTmp=yes
ProtectHome=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictNamespaces=yes
SystemCallArchitectures=native
[Install]
WantedBy=multi-user.target
"""
_FETCH = f"""{_HEAD}[Unit]
Description=Fetch the revocation list of the VPN
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I {REVOKED}
TimeoutStartSec=60
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=/etc/haechi/vpn -/var/lib/haechi
PrivateTmp=yes
ProtectHome=yes
"""
_TIMER = f"""{_HEAD}[Unit]
Description=Fetch the revocation list of the VPN every five minutes
[Timer]
OnActiveSec=10s
OnUnitActiveSec=5min
AccuracySec=5
[Install]
WantedBy=timers.target
"""
# OpenVPN answers the question for a user with the certificate's name, so that a code of anybody else's is wrong.
_PAM = f"""{_HEAD}auth	[success=2 default=ignore]	pam_google_authenticator.so secret={SEEDS}/${{USER}} user=root
auth	optional	pam_exec.so quiet seteuid /usr/bin/python3 -I {HOOK} refused -
auth	requisite	pam_deny.so
auth	required	pam_permit.so
account	required	pam_permit.so
"""
_FOLDERS = f"""{_HEAD}d /run/haechi-vpn 0755 root root
d /run/haechi-vpn/udp 0700 {ACCOUNT} {ACCOUNT}
d /run/haechi-vpn/tcp 0700 {ACCOUNT} {ACCOUNT}
d /run/haechi-vpn/asked 0700 {ACCOUNT} {ACCOUNT}
d /run/haechi-vpn/sessions 0700 {ACCOUNT} {ACCOUNT}
d {SEEDS} 0700 root root
"""


def texts() -> dict[str, str]:
    """Return path to text of everything that policy does not change."""
    return {
        f"{FOLDER}/{SERVICE}.service": _OPENVPN,
        f"{FOLDER}/{CRL}.service": _FETCH,
        f"{FOLDER}/{CRL}.timer": _TIMER,
        f"/etc/pam.d/{SERVICE_PAM}": _PAM,
        "/etc/sysusers.d/haechi-vpn.conf": f'{_HEAD}u {ACCOUNT} - "VPN of people"\n',
        "/etc/tmpfiles.d/haechi-vpn.conf": _FOLDERS,
    }
