"""The words that all models of policy are made of, and the house rules of every one."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# The account name and the certificate's Key ID: the first character bars option injection (`-x`)
# and path tricks (`..`), the length is utmp's and useradd's limit (useradd(8)).
IdentityId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f\x7f]*$")]
# An RSA key of 4096 bits is a line of 740 characters (RFC 4253 section 6.6), of 16384 bits one of 2800.
KeyLine = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00-\x1f\x7f]*$")]
# An interface's name has at most 15 bytes (IFNAMSIZ, netdevice(7)).
Bridge = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][a-zA-Z0-9_.-]{0,14}(:(tcp|udp)/[1-9][0-9]{0,4})?$")]
# A label of a DNS name (RFC 1123, section 2.1); no wildcard, since a leaf is one host's.
DnsName = Annotated[
    str,
    StringConstraints(
        max_length=253, pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$"
    ),
]
# A service as systemd names it (systemd.unit(5)); an instance too.
UnitName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9:_.@-]{0,200}\.service$")]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Model(BaseModel):
    """The house rules of every model: frozen, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
