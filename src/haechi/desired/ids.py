"""Intrusion detection on one gateway: Suricata's configurations, its queues, where rules come from."""

from __future__ import annotations

from typing import Any

from haechi.desired import queues
from haechi.policy.ids import Ids
from haechi.policy.models import Policy

PACKAGES = ("suricata", "logrotate")
FOLDER, LOGS, RUN = "/etc/haechi/ids", "/var/log/haechi-ids", "/run/haechi-ids"
# What Emerging Threats' rules name; a group that is not there keeps every rule with it from loading.
GROUPS = (
    *("HTTP_SERVERS", "SMTP_SERVERS", "SQL_SERVERS", "DNS_SERVERS", "TELNET_SERVERS", "DC_SERVERS"),
    *("DNP3_SERVER", "DNP3_CLIENT", "MODBUS_CLIENT", "MODBUS_SERVER", "ENIP_CLIENT", "ENIP_SERVER"),
)
PORTS = {
    "HTTP_PORTS": "80",
    "SHELLCODE_PORTS": "!80",
    "ORACLE_PORTS": "1521",
    "SSH_PORTS": "22",
    "DNP3_PORTS": "20000",
    "MODBUS_PORTS": "502",
    "FILE_DATA_PORTS": "[$HTTP_PORTS,110,143]",
    "FTP_PORTS": "21",
    "GENEVE_PORTS": "6081",
    "VXLAN_PORTS": "4789",
    "TEREDO_PORTS": "3544",
    "SIP_PORTS": "[5060,5061]",
}
PROTOCOLS = (
    *("tls", "ssh", "smtp", "imap", "dns", "http", "http2", "ftp", "smb", "dcerpc", "nfs", "tftp", "ntp", "dhcp"),
    *("snmp", "sip", "rfb", "mqtt", "pgsql", "krb5", "ikev2", "rdp", "telnet", "quic"),
)


def build(policy: Policy, host: str) -> dict[str, Any] | None:
    """Return what a gateway inspects, and how; None on a host that inspects nothing.

    Shape: ``{schema, packages, instances: [name], configurations: {name: yaml}, queues: {path: text}, sources: [{}],
    max_rule_days}``.
    """
    ids = policy.ids
    if ids is None or host not in ids.hosts:
        return None
    used, found = queues.instances(ids), queues.matches(policy, ids)
    return {
        "schema": 1,
        "packages": [*PACKAGES],
        "instances": [*used],
        "configurations": {name: configuration(policy, ids, name) for name in used},
        "queues": {
            f"{FOLDER}/queues.nft": queues.native(found, used),
            f"{FOLDER}/queues.v4": queues.restored(found, used, 4),
            f"{FOLDER}/queues.v6": queues.restored(found, used, 6),
        },
        "sources": [source.model_dump() for source in ids.rules],
        "max_rule_days": ids.max_rule_days,
    }


def configuration(policy: Policy, ids: Ids, name: str) -> str:
    """Return the configuration of one instance."""
    return "".join(
        f"{line}\n"
        for line in (
            "%YAML 1.1",
            "---",
            "# Written by Haechi (role ids).",
            *_networks(policy, ids),
            *_outputs(name),
            *_engine(name),
            "app-layer:",
            "  protocols:",
            *(line for one in PROTOCOLS for line in (f"    {one}:", "      enabled: yes")),
        )
    )


def _networks(policy: Policy, ids: Ids) -> tuple[str, ...]:
    ours = ids.inside or tuple(name for name in policy.zones if policy.zones[name].exposure != "outside")
    networks = [str(one) for name in ours for one in (policy.zones[name].cidr, policy.zones[name].cidr6) if one]
    return (
        "vars:",
        "  address-groups:",
        f'    HOME_NET: "[{",".join(networks)}]"',
        '    EXTERNAL_NET: "!$HOME_NET"',
        '    AIM_SERVERS: "$EXTERNAL_NET"',
        *(f'    {group}: "$HOME_NET"' for group in GROUPS),
        "  port-groups:",
        *(f'    {group}: "{ports}"' for group, ports in PORTS.items()),
    )


def _outputs(name: str) -> tuple[str, ...]:
    # No payload, no request: what matched may be about a person, and the log is kept longer than the traffic.
    return (
        f"default-log-dir: {LOGS}",
        "outputs:",
        "  - eve-log:",
        "      enabled: yes",
        "      filetype: regular",
        f"      filename: {name}.json",
        "      types:",
        "        - alert:",
        "            metadata: {app-layer: no, flow: no, rule: {metadata: no, raw: no}}",
        "        - drop: {alerts: no, flows: start}",
        "        - stats: {totals: yes, threads: no, deltas: no}",
        "stats: {enabled: yes, interval: 30}",
        "logging:",
        "  default-log-level: notice",
        "  outputs:",
        "    - console: {enabled: yes}",
        "unix-command:",
        "  enabled: yes",
        f"  filename: {RUN}/{name}.sock",
        f"default-rule-path: {FOLDER}/rules",
        "rule-files: [all.rules]",
        "classification-file: /etc/suricata/classification.config",
        "reference-config-file: /etc/suricata/reference.config",
    )


def _engine(name: str) -> tuple[str, ...]:
    """Return how packets are taken, and what becomes of those that Suricata cannot follow."""
    ignore = "ignore" if name != "closed" else "drop-flow"
    taken = (
        (
            "nflog:",
            f"  - group: {queues.NUMBERS[name]}",
            *("    buffer-size: 262144", "    max-size: 1048576", "    qthreshold: 1", "    qtimeout: 100"),
        )
        if name == "detect"
        else ("nfq:", "  mode: accept", f"  fail-open: {'yes' if name == 'open' else 'no'}", "  batchcount: 20")
    )
    return (
        *taken,
        "runmode: workers",
        "max-pending-packets: 1024",
        f"exception-policy: {ignore}",
        "stream:",
        "  memcap: 64mb",
        "  checksum-validation: no",
        # Conversations from before a start go on, and are looked at from there.
        "  midstream: yes",
        "  midstream-policy: ignore",
        "  inline: auto",
        f"  memcap-policy: {ignore}",
        "  reassembly:",
        "    memcap: 256mb",
        "    depth: 1mb",
        f"    memcap-policy: {ignore}",
        "defrag: {memcap: 32mb}",
        f"flow: {{memcap: 128mb, memcap-policy: {ignore}, hash-size: 65536, prealloc: 10000}}",
        "detect: {profile: medium, prefilter: {default: mpm}}",
        "mpm-algo: auto",
        "spm-algo: auto",
        "host-mode: router",
    )
