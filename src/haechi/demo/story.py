"""The story: hana works, leaves, and is out everywhere; minho works on."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from haechi import authenticator
from haechi import policy as policies
from haechi.demo import StoryError, sealed, signing, tunnels
from haechi.demo import proof as proofs
from haechi.demo.doors import Answer, Doors, Session
from haechi.demo.playbooks import Playbooks
from haechi.lab import podman, site
from haechi.policy import resolve
from haechi.policy.models import Policy

LEAVER, COLLEAGUE = "hana", "minho"
LAPTOP, FAR_HOST = "admin1", "db1"
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What was measured."""

    hosts: int
    changed: int
    rerun_s: float
    denied_all_s: float
    wall_s: float
    canary_ok: bool
    controls: dict[str, int]
    evidence_ok: bool
    report: str


def tell(root: Path, inventory: Path, say: Say) -> Figures:
    """Stand the lab up, harden it, judge it, offboard the leaver, and measure.

    Raises ``StoryError`` when a step did not happen, ``LabError`` when the lab cannot be made.
    """
    began = time.monotonic()
    playbooks = Playbooks(root, inventory)
    say("The lab: bare Debian machines, made anew")
    site.up(inventory, say, fresh=True)
    keys = site.secrets_dir(inventory, site.read_policy(inventory).site.name) / "keys"
    with authenticator.plugged_in(keys):
        return _hardened(playbooks, keys, say, began)


def _hardened(playbooks: Playbooks, keys: Path, say: Say, began: float) -> Figures:
    inventory = playbooks.inventory
    say("Bootstrap: the automation account gets in")
    playbooks.run("bootstrap")
    say("Validate: the policy is judged before it is obeyed")
    playbooks.run("validate")
    say("Site: the machines become what policy says")
    changed = playbooks.run("site").changed
    policy = site.read_policy(inventory)
    sealed.enrol(inventory)
    laptop = _tunnels(inventory, policy, say)
    say("Review: who has which access, as the machines show it, is held against policy, and two people sign for it")
    signing.review(playbooks, policy, say)
    say(f"Drill: {' and '.join(sealed.HOLDERS)} open the sealed account at every console, and each raises its alarm")
    sealed.drill(playbooks)
    say("Audit: every promise is judged by what the machines show, and the report is written")
    proof = proofs.judge(playbooks, policy)
    doors = Doors(
        policy=policy,
        inventory=inventory,
        keys=keys,
        state=policies.state_dir(policy),
    )
    denied = _leave(playbooks, doors, say)
    canary = _canary(doors, say)
    rerun = _stays_out(playbooks, doors, laptop, say)
    whole = proofs.evidence(policy, inventory)
    say(f"the evidence is whole: {whole.runs} runs, {whole.records} records, confirmed by the second place")
    return Figures(
        hosts=len(resolve.managed(policy)),
        changed=changed,
        rerun_s=round(rerun, 1),
        denied_all_s=round(denied, 1),
        wall_s=round(time.monotonic() - began, 1),
        canary_ok=canary,
        controls=proof.controls,
        evidence_ok=whole.code == 0,
        report=str(proof.report),
    )


def _tunnels(inventory: Path, policy: Policy, say: Say) -> tunnels.Laptop:
    """Give both a way in, and open it."""
    laptop = tunnels.Laptop(inventory, _container(policy, LAPTOP))
    for person, by in ((LEAVER, "udp"), (COLLEAGUE, "tcp")):
        laptop.give(person)
        if not laptop.connect(person, by):
            raise StoryError(f"the VPN refuses {person}, who has a profile and a code")
    say(f"{LEAVER} and {COLLEAGUE} come in by tunnels of their own: no other way leads from outside to any sshd")
    return laptop


def _leave(playbooks: Playbooks, doors: Doors, say: Say) -> float:
    """Offboard her while she is logged in; return the seconds until every host had refused her."""
    hosts = resolve.managed(doors.policy)
    _expect(doors, LEAVER, hosts, Answer.ACCEPTED, "before she leaves")
    session = Session(_container(doors.policy, LAPTOP), LEAVER, FAR_HOST)
    try:
        say(f"{LEAVER} is logged in on {FAR_HOST}, from {LAPTOP} through her tunnel, and stays; now she leaves")
        denied = _refused(playbooks, doors, hosts)
        if not session.ends_within(10):
            raise StoryError(f"{LEAVER}'s open session on {FAR_HOST} outlived her offboarding")
    finally:
        session.close()
    left = {host: rest for host in hosts if (rest := _processes(doors.policy, host, LEAVER))}
    if left:
        raise StoryError(f"processes of {LEAVER} are still there: {left}")
    say(f"{LEAVER}'s session has ended, and {len(hosts)} of {len(hosts)} hosts refused her key after {denied:.1f} s")
    return denied


def _refused(playbooks: Playbooks, doors: Doors, hosts: tuple[str, ...]) -> float:
    """Offboard her and knock everywhere meanwhile; return the seconds until the last host refused her."""
    enough = threading.Event()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(len(hosts)) as pool:
        try:
            summary, began = Path(folder) / "summary.json", time.monotonic()
            process = playbooks.start("offboard", summary, "-e", f"person={LEAVER}")
            refusals = [pool.submit(doors.refused_after, LEAVER, host, began, enough) for host in hosts]
            playbooks.finish("offboard", process, summary)
            return max(refusal.result() for refusal in refusals)
        finally:
            # A pool waits for its threads, after a Ctrl-C and after a failed playbook too.
            enough.set()


def _canary(doors: Doors, say: Say) -> bool:
    """Let a colleague with the same rights in, by the same probe and by the same way; else refusals prove nothing."""
    hosts = resolve.managed(doors.policy)
    _expect(doors, COLLEAGUE, hosts, Answer.ACCEPTED, "after his colleague left")
    Session(_container(doors.policy, LAPTOP), COLLEAGUE, FAR_HOST).close()
    say(f"{COLLEAGUE}, her colleague, still gets in on all {len(hosts)} hosts, so the refusals mean something")
    return True


def _stays_out(playbooks: Playbooks, doors: Doors, laptop: tunnels.Laptop, say: Say) -> float:
    """Run the site again while the people file still lists her; return its seconds."""
    if not any(i.id == LEAVER and i.state == "active" for i in doors.policy.identities):
        raise StoryError(f"the people file no longer lists {LEAVER} as active, so running it again proves nothing")
    say(f"Site again, with the old people file that still lists {LEAVER}")
    seconds = playbooks.run("site").seconds
    _expect(doors, LEAVER, resolve.managed(doors.policy), Answer.REFUSED, "after the old people file was applied")
    if laptop.connect(LEAVER, "tcp"):
        raise StoryError(f"{LEAVER} has a tunnel again from {LAPTOP}")
    say(f"{LEAVER} stays out: her key opens no host, and her profile with a code of now no tunnel")
    return seconds


def _expect(doors: Doors, person: str, hosts: Iterable[str], wanted: Answer, when: str) -> None:
    found = doors.knock_all(person, hosts)
    wrong = {host: str(seen) for host, seen in found.items() if seen is not wanted}
    if wrong:
        raise StoryError(f"{person} should be {wanted} everywhere {when}, but: {wrong}")


def _container(policy: Policy, host: str) -> str:
    return f"haechi-{policy.site.name}-{host}"


def _processes(policy: Policy, host: str, person: str) -> str:
    """Look from inside the machine, by a way that no sshd and no rule can colour."""
    script = f"pgrep --list-full --euid {person} || true"
    return podman.run("exec", _container(policy, host), "sh", "-c", script).strip()
