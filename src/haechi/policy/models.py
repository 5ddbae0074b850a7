"""What a policy may say: one frozen, typed model per noun.

Shape only. Meaning across files (unknown zones, shared keys, lock-outs) is judged in ``checks``.
Every model refuses unknown fields, so a misspelt name is an error and never a silent default.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from haechi.policy.edge import Edge
from haechi.policy.firmware import Firmware
from haechi.policy.ids import Ids
from haechi.policy.leaving import RevocationsPolicy, SharedSecret
from haechi.policy.perimeter import Perimeter, Zone
from haechi.policy.privileges import BreakGlass, PrivilegePolicy, ReviewPolicy
from haechi.policy.provisioning import Hr
from haechi.policy.recording import Leaf, Recorder
from haechi.policy.shape import Bridge, IdentityId, KeyLine, Line, Model, Name, Port, Text
from haechi.policy.upkeep import PasswordPolicy, PeoplePolicy
from haechi.policy.vpn import Vpn


class Kind(StrEnum):
    """What an identity is; all but a person have an owner who is one."""

    PERSON = "person"
    AUTOMATION = "automation"
    BREAK_GLASS = "break_glass"
    SENTINEL = "sentinel"
    SERVICE = "service"


class State(StrEnum):
    """Disabling is reversible and comes first; deletion is a later decision."""

    ACTIVE = "active"
    DISABLED = "disabled"
    ABSENT = "absent"


class Identity(Model):
    """One account holder; ``id`` is the account name on every host."""

    id: IdentityId
    kind: Kind = Kind.PERSON
    name: Line
    state: State = State.ACTIVE
    since: date | None = Field(default=None, description="day a disabled or absent state began")
    owner: IdentityId | None = None
    jobs: tuple[Name, ...] = ()
    start: date | None = Field(default=None, description="first day of access; dormancy counts from it too")
    end: date | None = Field(default=None, description="last day of access")
    training_until: date | None = Field(default=None, description="the day from which the last training counts no more")
    keys: tuple[KeyLine, ...] = Field(default=(), description="OpenSSH public keys; `keys` in keys.yml adds to these")
    hr_id: Line | None = Field(default=None, description="the HR system's id; never a path, file name or command")


class SudoRule(Model):
    """Exact commands a job may run; ``ALL`` is for automation alone."""

    commands: Annotated[tuple[Line, ...], Field(min_length=1)]
    run_as: Name = "root"
    nopasswd: bool = Field(default=False, strict=True)
    children: bool = Field(
        default=False, strict=True, description="true: it starts programs, so sudo may not stop that"
    )


class Job(Model):
    """What a job may do and where: the only way to access, direct grants do not exist."""

    title: Line
    hosts: Annotated[tuple[Name, ...], Field(min_length=1, description="hosts, zones, or `all`")]
    login: bool = Field(default=True, strict=True)
    groups: tuple[Name, ...] = ()
    sudo: tuple[SudoRule, ...] = ()
    conflicts: tuple[Name, ...] = Field(
        default=(), description="jobs that nobody may have beside it; either may say so"
    )
    production: bool = Field(default=True, strict=True, description="false: no login where a zone is production")
    changes: bool = Field(default=True, strict=True, description="false: reads logs and reports, by groups alone")


class Host(Model):
    """A machine of the site; one that is not ``managed`` is an address in flows and no more."""

    zone: Name
    address: IPv4Address
    address6: IPv6Address | None = None
    managed: bool = Field(default=True, strict=True)
    gateway: bool = Field(default=False, strict=True)
    personal_data: bool = Field(default=False, strict=True, description="true: personal data is kept or read here")
    legs: dict[Name, IPv4Address] = Field(default={}, description="a gateway's address in each further zone")
    host_key: Line | None = Field(
        default=None, description="expected SHA256 fingerprint of the host key, for bootstrap"
    )
    containers: tuple[Bridge, ...] = Field(
        default=(), description="`docker0` may go out, `docker0:tcp/8080` is published"
    )


class Publish(Model):
    """A DNAT: the flow's target is reached at this port of the gateway's address in ``zone``."""

    gateway: Name
    zone: Name
    port: Port


class Flow(Model):
    """One allowed conversation, rendered on both ends and on the gateways between."""

    name: Name
    source: Annotated[
        tuple[Line, ...], Field(alias="from", min_length=1, description="hosts, zones, CIDRs, `internet`")
    ]
    target: Annotated[tuple[Line, ...], Field(alias="to", min_length=1, description="hosts, zones, CIDRs, `internet`")]
    proto: Literal["tcp", "udp", "icmp", "vrrp"] = "tcp"
    ports: tuple[Port, ...] = ()
    publish: Publish | None = None
    masquerade: bool = Field(default=False, strict=True)
    rate: Line | None = Field(default=None, description="new connections per source, nftables syntax: 20/minute")
    reason: Line


class Listener(Model):
    """A socket that is meant to be open, so that any other is a finding."""

    hosts: Annotated[tuple[Name, ...], Field(min_length=1, description="hosts, zones, or `all`")]
    proto: Literal["tcp", "udp"] = "tcp"
    port: Port
    process: Line
    local: bool = Field(default=False, strict=True, description="listens on loopback only")
    reason: Line


class Waiver(Model):
    """An exception with a reason and an end; it lapses by itself."""

    id: Name
    control: Line
    hosts: Annotated[tuple[Name, ...], Field(min_length=1)]
    reason: Line
    owner: IdentityId
    approver: IdentityId
    until: date


class SignOff(Model):
    """One time that somebody went through a register and stood for it."""

    date: date
    by: IdentityId
    note: Line


class Register(Model):
    """What no host can show and a person keeps: a log review, a training list."""

    id: Name
    title: Line
    owner: IdentityId
    every_days: Annotated[int, Field(strict=True, ge=1, le=1095, description="how long a sign-off counts")]
    signed: tuple[SignOff, ...] = ()


class SshdPolicy(Model):
    """The knobs of sshd a site may turn; algorithms and factors are not among them."""

    port: Port = 22
    max_auth_tries: Annotated[int, Field(strict=True, ge=2, le=6)] = 4
    login_grace_seconds: Annotated[int, Field(strict=True, ge=10, le=120)] = 30
    idle_seconds: Annotated[int, Field(strict=True, ge=60, le=600)] = 300
    max_startups_per_source: Annotated[int, Field(strict=True, ge=2, le=100)] = 10
    jump_hosts: tuple[Name, ...] = Field(default=(), description="hosts that forward for ProxyJump")


class Pki(Model):
    """Where certificates come from, and how long they count; without it keys alone get in."""

    host: Name = Field(description="holds the authorities' keys and signs; nobody else can read them")
    user_hours: Annotated[int, Field(strict=True, ge=1, le=24)] = 12
    host_days: Annotated[int, Field(strict=True, ge=7, le=365)] = 90
    leaf_days: Annotated[int, Field(strict=True, ge=3, le=397, description="life of a TLS certificate")] = 90
    root_key: Line | None = Field(
        default=None, description="file that the X.509 root's sealed key is handed out to, once; outside the checkout"
    )
    leaves: tuple[Leaf, ...] = ()
    renewal_port: Port = Field(default=4718, description="where hosts have their TLS certificates renewed")


class Factor(StrEnum):
    """What a person answers with besides the key; automation has none and is bound otherwise."""

    FIDO2 = "fido2"
    TOTP = "totp"


class PersonFactor(Model):
    """One person's factor, where it is not the site's, and the last day on which it may still be missing."""

    factor: Factor = Factor.FIDO2
    enrol_until: date | None = Field(default=None, description="last day to enrol, if later than the site's")


class MfaPolicy(Model):
    """The second factor: ``fido2`` (a key that never leaves its device, with PIN) unless ``people`` says ``totp``."""

    enrol_until: date | None = Field(default=None, description="last day on which a factor may be missing; none: now")
    people: dict[IdentityId, PersonFactor] = Field(default={})


class Site(Model):
    """What is true of the whole site."""

    name: Name
    title: Line
    banner: Text
    control_node: IPv4Address = Field(description="where playbooks run; exempt from blocks and penalties")
    bastion: Name | None = Field(default=None, description="the one host the control node connects to directly")
    resolver: Name | None = None
    time_server: Name | None = None
    package_cache: Name | None = None
    ipv6: Literal["drop", "off"] = "drop"
    unknown_accounts: Literal["report", "remove"] = "report"
    state_dir: Line | None = Field(default=None, description="tombstones and pinned host keys; outside the checkout")
    evidence_copy: Line | None = Field(
        default=None, description="second place of the checkpoints: a folder's path, or `host:/path` of a file there"
    )


class Policy(Model):
    """Everything that must be true, read from ``group_vars/all/policy``."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    site: Site
    identities: Annotated[tuple[Identity, ...], Field(min_length=1)]
    keys: dict[IdentityId, tuple[KeyLine, ...]] = Field(default={})
    jobs: dict[Name, Job]
    zones: dict[Name, Zone]
    # Ansible reserves the variable name `hosts`.
    hosts: dict[Name, Host] = Field(alias="servers")
    flows: tuple[Flow, ...]
    listeners: tuple[Listener, ...]
    waivers: tuple[Waiver, ...] = ()
    registers: tuple[Register, ...] = ()
    review: ReviewPolicy = ReviewPolicy()
    privilege: PrivilegePolicy = PrivilegePolicy()
    break_glass: BreakGlass | None = None
    # A security token cannot decrypt: a holder who logs in with one has another key, which opens no login.
    share_keys: dict[IdentityId, KeyLine] = Field(default={}, description="what shares are encrypted to")
    sshd: SshdPolicy = SshdPolicy()
    mfa: MfaPolicy = MfaPolicy()
    pki: Pki | None = None
    recorder: Recorder | None = None
    revocations: RevocationsPolicy = RevocationsPolicy()
    shared_secrets: tuple[SharedSecret, ...] = ()
    hr: Hr | None = None
    firmware: Firmware = Firmware()
    edge: Edge | None = None
    vpn: Vpn | None = None
    ids: Ids | None = None
    password: PasswordPolicy = PasswordPolicy()
    people: PeoplePolicy = PeoplePolicy()
    perimeter: Perimeter = Perimeter()
