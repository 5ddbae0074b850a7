"""The section of a posture about the intrusion detection of a gateway."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from haechi.observe.shape import Section, Text

Count = Annotated[int, Field(ge=0)]


class Instance(Section):
    """One Suricata. ``command`` is that of the process; ``stale``: its configuration was changed after it started.

    ``reads`` its queue, ``answers`` a question; packets ``waiting`` in the queue and ``lost`` from it. ``loaded`` and
    ``failed`` rules and ``packets`` and ``blocked`` ones are what it says, None where it does not. ``canary`` is when
    its log last had one.
    """

    name: Literal["open", "closed", "detect"]
    active: bool
    enabled: bool
    command: tuple[str, ...]
    stale: bool
    reads: bool
    answers: bool
    waiting: Count
    lost: Count
    loaded: Count | None
    failed: Count | None
    packets: Count | None
    blocked: Count | None
    canary: AwareDatetime | None


class RuleSource(Section):
    """A source of rules, and when the newest of them was written."""

    name: Text
    issued: AwareDatetime


class Ids(Section):
    """What inspects what a gateway lets through; all of it is empty on a host that does not.

    ``way``: by which the packets get there. ``live`` and ``file`` are rules in the kernel, and what the files amount
    to; ``files`` are digests by path. ``rules`` are in the file; ``sound``: it is what the role wrote. ``services`` are
    unit to "active enabled".
    """

    way: Literal["native", "iptables", "none"]
    live: tuple[str, ...]
    file: tuple[str, ...]
    files: dict[str, str]
    instances: tuple[Instance, ...]
    sources: tuple[RuleSource, ...]
    rules: Count
    sound: bool
    services: dict[str, str]
