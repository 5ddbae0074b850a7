"""SYNs of strangers answered with cookies: nothing of a connection is kept before its handshake is complete.

The gateway answers in the server's place; the last ACK brings the cookie back (RFC 4987, 3.6), and only then does the
kernel open the connection to the server itself, by way of the output hook and with the client's address as source
(nft(8), SYNPROXY STATEMENT). So what a first packet meets in the forward chain, it meets there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from haechi.desired import floods

FIRST = "tcp flags & (fin | syn | rst | ack) == syn"
# Neither a stray SYN-ACK nor a FIN is answered: two proxies would go on answering each other.
ASKED = "tcp flags & (fin | syn | rst | ack) == { syn, ack }"
ANSWER = "tcp flags & (fin | syn | rst | ack) == syn | ack"
# What Linux itself offers on Ethernet with its defaults; the servers behind must not offer less.
OFFERED = "synproxy mss 1460 wscale 7 timestamp sack-perm"


@dataclass(frozen=True, kw_only=True)
class Door:
    """One socket that strangers reach at a gateway, as nft's matches.

    ``asks`` is what comes to it, ``answers`` what leaves it; ``opens`` accepts the connection that the kernel opens to
    whoever serves it, and ``to`` is where that is, None on the gateway itself.
    """

    flow: str
    asks: str
    answers: str
    opens: tuple[str, ...]
    to: str | None


def chains(doors: Iterable[Door], ours: str, held: int) -> Iterator[tuple[str, str, list[str]]]:
    """Yield name, hook and rules of the chains that are there for doors alone.

    Forged sources and flooders are dropped before (-300, -290), and connection tracking comes after (-200). The SYN
    that the kernel sends is the proof that a source has completed a handshake, so it is counted there: its last ACK
    was of no connection yet.
    """
    made = list(doors)
    begun = [f"{door.asks} {FIRST}" for door in made]
    yield "cookies", "filter hook prerouting priority -250", ["iif lo return", *(f"{one} notrack" for one in begun)]
    yield "proven", "filter hook output priority -150", [ours, *(f"{one} ct state new jump proven4" for one in begun)]
    yield "proven4", "", list(_proven(held))
    sent = [f'{door.asks} dnat ip to {door.to} comment "{door.flow}"' for door in made if door.to is not None]
    if sent:
        yield "proxied", "nat hook output priority -100", sent


def _proven(held: int) -> Iterator[str]:
    yield f"add @held4 {{ ip saddr ct count over {held} }} counter drop"
    # Once for each connection: a client that hears nothing makes the kernel send its SYN again.
    yield f"ct mark & {floods.COUNTED} == 0 ct mark set ct mark | {floods.COUNTED} jump completions4"


def answered(doors: Iterable[Door]) -> Iterator[str]:
    """Yield the input chain's rules, which stand before it drops what belongs to no connection."""
    return (f"{door.asks} {ASKED} ct state invalid,untracked {OFFERED}" for door in doors)


def sent(doors: Iterable[Door]) -> Iterator[str]:
    """Yield the output chain's rules: the cookie, which belongs to no connection, and the connection to the server.

    They stand first in their chain: the kernel takes the way of its SYN for loopback until the address is translated.
    """
    for door in doors:
        yield f"{door.answers} {ANSWER} ct state invalid,untracked accept"
        yield from door.opens
