"""What sshd must be on a host follows from policy, in the words of the host's release."""

from __future__ import annotations

import pytest

from haechi.desired.sshd import build, settings

from .conftest import HOSTS, policy

MODERN = "ssh-ed25519,sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256"
ALGORITHMS = f"""\
Ciphers aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-gcm@openssh.com
MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com
HostKeyAlgorithms ssh-ed25519
PubkeyAcceptedAlgorithms {MODERN}
CASignatureAlgorithms {MODERN}
RequiredRSASize 3072
RekeyLimit 1G 1h
"""
HEAD = """\
# Written by Haechi (role sshd) for OpenSSH {} and later. The first value of a keyword wins.
Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
PubkeyAuthentication yes
AuthenticationMethods publickey,keyboard-interactive
PasswordAuthentication no
KbdInteractiveAuthentication yes
PermitEmptyPasswords no
HostbasedAuthentication no
GSSAPIAuthentication no
KerberosAuthentication no
IgnoreRhosts yes
PermitRootLogin no
UsePAM yes
StrictModes yes
AllowGroups haechi-login
AuthorizedKeysFile /etc/ssh/authorized_keys.d/%u
MaxAuthTries 4
LoginGraceTime 30
"""
TAIL = """\
ClientAliveInterval 100
ClientAliveCountMax 3
TCPKeepAlive no
ChannelTimeout session:shell=300
UnusedConnectionTimeout 300
PermitUserEnvironment no
PermitUserRC no
Compression no
UseDNS no
Banner /etc/issue.net
DebianBanner no
VersionAddendum none
PrintMotd no
LogLevel VERBOSE
SyslogFacility AUTH

Match User robot
  AuthenticationMethods publickey
  KbdInteractiveAuthentication no

Match Group mfa-fido2
  AuthenticationMethods publickey
  KbdInteractiveAuthentication no
  PubkeyAcceptedAlgorithms sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com
  PubkeyAuthOptions verify-required

Match Group mfa-window
  AuthenticationMethods publickey
  KbdInteractiveAuthentication no
"""
DB_ON_9_2 = f"""\
{HEAD.format("9.2")}\
KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org
{ALGORITHMS}\
DisableForwarding yes
AllowTcpForwarding no
PermitOpen none
PermitListen none
AllowAgentForwarding no
AllowStreamLocalForwarding no
X11Forwarding no
PermitTunnel no
GatewayPorts no
MaxStartups 20:30:40
PerSourceMaxStartups 10
PerSourceNetBlockSize 32:64
MaxSessions 10
{TAIL}"""
KEX_9_8 = (
    "mlkem768x25519-sha256,sntrup761x25519-sha512,"
    "sntrup761x25519-sha512@openssh.com,curve25519-sha256,curve25519-sha256@libssh.org"
)
BASTION_ON_9_8 = f"""\
{HEAD.format("9.8")}\
KexAlgorithms {KEX_9_8}
{ALGORITHMS}\
DisableForwarding no
AllowTcpForwarding local
PermitOpen 10.1.0.2:22 10.2.0.10:22
PermitListen none
AllowAgentForwarding no
AllowStreamLocalForwarding no
X11Forwarding no
PermitTunnel no
GatewayPorts no
MaxStartups 128:30:256
PerSourceMaxStartups 64
PerSourceNetBlockSize 32:64
MaxSessions 10
PerSourcePenalties crash:90 authfail:5 noauth:3 grace-exceeded:10 refuseconnection:10 max:600 min:15
PerSourcePenaltyExemptList 10.1.0.1
{TAIL}"""


@pytest.mark.parametrize(("host", "variant", "text"), [("db", 0, DB_ON_9_2), ("bastion", 1, BASTION_ON_9_8)])
def test_the_whole_configuration(host: str, variant: int, text: str) -> None:
    """An ordinary host on Debian 12 and the bastion on Debian 13, word for word."""
    assert build(policy(), host)["variants"][variant]["content"] == text


def test_a_list_stays_a_list() -> None:
    """A string taken for a list comes out letter by letter, and sshd accepts that (a known lock-out elsewhere)."""
    lists = {name: value for name, value in settings(policy(), "db", "9.8").items() if "," in value}

    assert len(lists) == 6
    assert all(len(word) > 1 for value in lists.values() for word in value.split(","))


def test_words_of_the_new_release_stay_off_the_old() -> None:
    """OpenSSH 9.2 refuses to start on a keyword or an algorithm it does not know."""
    old = settings(policy(), "db", "9.2")

    assert not [keyword for keyword in old if keyword.startswith("PerSourcePenalt")]
    assert "mlkem" not in old["KexAlgorithms"]


def test_hosts_behind_the_bastion_exempt_the_bastion() -> None:
    """Automation comes from there, and a penalty on it would shut all of automation out."""
    assert settings(policy(), "db", "9.8")["PerSourcePenaltyExemptList"] == "10.1.0.10"


def test_ipv6_addresses_are_targets_too() -> None:
    """A jump by the other family ends at the same hosts."""
    hosts = HOSTS | {"db": HOSTS["db"] | {"address6": "fd00::10"}}

    assert settings(policy(hosts=hosts), "bastion", "9.8")["PermitOpen"] == "10.1.0.2:22 10.2.0.10:22 [fd00::10]:22"


def test_what_sshd_must_say_of_it() -> None:
    """`sshd -T` fills in fields that were not given, and shows sizes in bytes."""
    old, new = (variant["expect"] for variant in build(policy(), "db")["variants"])

    assert old["rekeylimit"] == "1073741824 3600"
    assert old["allowgroups"] == "haechi-login"
    assert "debianbanner" not in old
    assert new["debianbanner"] == "no"
    assert new["persourcepenalties"] == (
        "crash:90 authfail:5 noauth:3 grace-exceeded:10 refuseconnection:10 max:600 min:15"
        " max-sources4:65536 max-sources6:65536 overflow:permissive overflow6:permissive"
    )


def test_files_beside_the_configuration() -> None:
    """The banner is shown before login; bootstrap's drop-in has done its work."""
    assert build(policy(), "db")["files"] == [
        {"path": "/etc/issue.net", "content": "Authorised use only.\n", "mode": "0644"},
        {"path": "/etc/ssh/sshd_config.d/05-haechi-bootstrap.conf", "content": None},
    ]


@pytest.mark.parametrize(("host", "through", "source"), [("bastion", None, "10.1.0.1"), ("db", "bastion", "10.1.0.10")])
def test_what_bootstrap_reads(host: str, through: str | None, source: str) -> None:
    """The bastion comes first because the others are reached through it, and see its address."""
    desired = build(policy(keys={"robot": ["ssh-ed25519 AAAA robot"]}), host)

    assert desired["through"] == through
    assert desired["automation"] == {"id": "robot", "keys": ["ssh-ed25519 AAAA robot"], "sources": [source]}
