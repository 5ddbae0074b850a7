"""The lab's people come in by tunnels of their own, all from one laptop: a profile and a one-time code each."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from haechi.demo import StoryError
from haechi.errand import AnswerError
from haechi.evidence import EvidenceError
from haechi.lab import podman
from haechi.lab.podman import LabError
from haechi.lab.seed import TUNNEL
from haechi.mfa import code
from haechi.tombstones import TombstoneError
from haechi.vpn import ProfileError, delivery, desk

# A client is told no in a second, over TCP by a connection that is cut; one that hears nothing tries for ever.
PATIENCE_S = 30
AHEAD_S = 6
UP, NO = "Initialization Sequence Completed", ("AUTH_FAILED", "Connection reset")
# As --proto-force of openvpn(8) names them in a client's profile.
TRANSPORTS = {"udp": "udp", "tcp": "tcp-client"}
START = """
umask 077; cat > /run/{device}.code; rm -f /run/{device}.log
pkill --pidfile /run/{device}.pid 2>/dev/null && sleep 0.5
openvpn --config /root/{device}.ovpn --auth-user-pass /run/{device}.code --auth-retry none --proto-force {by} \
  --daemon --dev {device} --dev-type tun --route-metric {metric} --log /run/{device}.log --writepid /run/{device}.pid
timeout {patience} sh -c 'until grep -E "{ends}" /run/{device}.log; do sleep 0.1; done'
"""


@dataclass
class Laptop:
    """A machine of the lab on which people have profiles; ``seeds`` are what their phones hold."""

    inventory: Path
    container: str
    seeds: dict[str, str] = field(default_factory=dict)

    def give(self, person: str) -> None:
        """Have a profile made, as ``haechi vpn profile`` does at a terminal, and put it on the laptop.

        Raises ``StoryError`` where somebody refuses.
        """
        seed = code.new_seed()
        try:
            with tempfile.TemporaryDirectory() as folder:
                here, out = desk.open_desk(self.inventory, person), Path(folder) / "profile"
                serial = delivery.deliver(here, seed, out, again=False)
                vpn = desk.vpn_of(here.policy)
                desk.record(here, {"certificate": serial, "how": "first time", "host": vpn.host})
                podman.run("cp", str(out), f"{self.container}:/root/{TUNNEL.format(person)}.ovpn")
        except (ProfileError, AnswerError, EvidenceError, TombstoneError, LabError) as error:
            raise StoryError(f"{person} has no profile: {error}") from error
        self.seeds[person] = seed

    def connect(self, person: str, by: str = "udp") -> bool:
        """Start her client with the code of now; return whether there is a tunnel, False where she is told no.

        Over UDP whoever is refused before the code is asked hears nothing.

        Raises ``StoryError`` where nobody answers.
        """
        left = code.STEP - time.time() % code.STEP
        if left < AHEAD_S:
            time.sleep(left)
        device = TUNNEL.format(person)
        metric, ends = 100 + [*self.seeds].index(person), "|".join((UP, *NO, "Exiting"))
        script = START.format(device=device, by=TRANSPORTS[by], metric=metric, patience=PATIENCE_S, ends=ends)
        answer = f"{person}\n{code.at(self.seeds[person], time.time())}\n".encode()
        try:
            said = podman.run("exec", "--interactive", self.container, "sh", "-c", script, stdin=answer)
        except LabError as error:
            raise StoryError(f"no VPN answers {person}: {error}") from error
        if UP not in said and not any(word in said for word in NO):
            raise StoryError(f"{person}'s client gave up: {said.strip()}")
        return UP in said
