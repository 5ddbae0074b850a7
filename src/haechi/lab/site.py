"""Stand a site up, look at it, take it down."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from haechi import policy as policies
from haechi import sshconfig
from haechi.evidence import EvidenceError
from haechi.lab import containers, fixture, images, limits, logs, secrets
from haechi.lab.podman import LabError, run
from haechi.lab.seed import Seed, archive, seeds, whose
from haechi.lab.topology import Machine, machines, read_lab
from haechi.policy.models import Policy
from haechi.seal import SealError

Say = Callable[[str], None]
MARK = ".made-by-lab"


def read_policy(inventory: Path) -> Policy:
    """Return the policy of a lab; the keys that `up` is about to make may still be missing.

    Raises ``LabError`` when its shape is broken.
    """
    loaded = policies.load(inventory)
    if loaded.policy is None:
        lines = [f"{p.file}:{p.line}: {p.what}; {p.mend}" for p in loaded.problems]
        raise LabError("\n".join(["the policy cannot be read:", *lines]))
    return loaded.policy


def secrets_dir(inventory: Path, site: str) -> Path:
    """Return the git-ignored folder of a lab's private keys, at the top of its inventory's checkout."""
    return inventory.resolve().parents[1] / ".lab" / site


def prepare(inventory: Path, policy: Policy) -> Path:
    """Make every secret and what names its public half; return the secrets' folder.

    Raises ``LabError``.
    """
    folder, state = secrets_dir(inventory, policy.site.name), policies.state_dir(policy)
    public = secrets.identity_keys(policy, folder / secrets.KEYS)
    share = secrets.share_keys(policy, folder / secrets.SHARES)
    secrets.write_policy_keys(inventory / "group_vars/all/policy/keys.yml", public, share)
    secrets.write_known_hosts(sshconfig.known_hosts(state), secrets.host_keys(policy, folder / "hostkeys"))
    (state / MARK).touch()
    secrets.passphrase(folder / secrets.KEYS / "ca_passphrase")
    secrets.passphrase(folder / secrets.KEYS / "ekyc_database")
    fixture.rules(folder / "rules/other.rules", datetime.now(UTC).date())
    logs.certificates(folder / logs.SECRETS, days=365)
    secrets.of_sources(policy, folder / secrets.KEYS, state)
    identity = folder / secrets.KEYS / sshconfig.automation_id(policy)
    sshconfig.write(inventory / sshconfig.FILE_NAME, sshconfig.render(policy, state, identity))
    try:
        secrets.seal(read_policy(inventory), state, folder)
    except (SealError, EvidenceError) as error:
        raise LabError(f"the emergency account is not sealed: {error}") from error
    return folder


def up(inventory: Path, say: Say, *, fresh: bool = False, image: str | None = None) -> None:
    """Make what is missing of a lab, so that a second call does nothing.

    With ``fresh`` every machine is remade: bare, as on its first day, and no leaver is remembered. ``image`` is what
    to make them of instead of bare Debian.
    Raises ``LabError``.
    """
    policy = read_policy(inventory)
    wanted, machine_limits = machines(policy, read_lab(inventory)), limits.detect()
    if fresh:
        disconnect(inventory, policy)
        containers.remove(policy.site.name)
        forget(policy)
    folder = prepare(inventory, policy)
    said = limits.raise_inotify(len(wanted), policies.state_dir(policy) / "inotify")
    if said:
        say(said)
    born = {m.name: seeds(policy, m, folder, resolvers()) for m in wanted}
    known = containers.found(policy.site.name)
    todo = {m.name: containers.todo(known.get(m.container), whose(born[m.name])) for m in wanted}
    missing = [m for m in wanted if todo[m.name] == "make"]
    halted = [m for m in wanted if todo[m.name] == "start"]
    if not missing and not halted:
        say(f"all {len(wanted)} machines of {policy.site.name} are up")
        return
    built = _build(missing, say) if image is None else {(m.release, m.packages): image for m in missing}
    containers.make_networks(policy)
    maker = _Maker(policy=policy, limits=machine_limits, born=born, built=built, upstream=resolvers())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(maker.make, missing))
        if halted:
            run("start", *(m.container for m in halted))
        list(pool.map(containers.wait, [*missing, *halted]))
    again = f", {len(halted)} started again" if halted else ""
    say(f"{len(missing)} machines made{again}, {len(wanted)} up: {' '.join(m.name for m in wanted)}")


def resolvers() -> tuple[str, ...]:
    """Return the machine's own name servers."""
    lines = Path("/etc/resolv.conf").read_text().splitlines()
    return tuple(line.split()[1] for line in lines if line.startswith("nameserver") and len(line.split()) > 1)


def disconnect(inventory: Path, policy: Policy) -> None:
    """End the connections that ssh keeps open to machines that are about to go."""
    config = inventory / sshconfig.FILE_NAME
    for name in (policy.site.bastion,) if policy.site.bastion and config.is_file() else ():
        subprocess.run(["ssh", "-F", str(config), "-O", "exit", name], capture_output=True, check=False)


def forget(policy: Policy) -> None:
    """Remove the state that a lab of this name left, and nothing that a lab did not make."""
    state = policies.state_dir(policy)
    limits.restore_inotify(state / "inotify")
    if (state / MARK).is_file():
        shutil.rmtree(state)


def down(inventory: Path, say: Say) -> None:
    """Remove all that `up` made: machines, networks, secrets, state. Images stay in the cache."""
    policy = read_policy(inventory)
    disconnect(inventory, policy)
    removed = containers.remove(policy.site.name)
    forget(policy)
    shutil.rmtree(secrets_dir(inventory, policy.site.name), ignore_errors=True)
    for path in (inventory / sshconfig.FILE_NAME, inventory / "group_vars/all/policy/keys.yml"):
        path.unlink(missing_ok=True)
    say(f"removed {len(removed)} machines and networks of {policy.site.name}, its keys and its state")


def status(inventory: Path) -> dict[str, str]:
    """Return what systemd says on each machine."""
    return {m.name: containers.state_of(m) for m in machines(read_policy(inventory), read_lab(inventory))}


def _build(missing: Iterable[Machine], say: Say) -> dict[tuple[str, tuple[str, ...]], str]:
    kinds = sorted({(machine.release, machine.packages) for machine in missing})
    for release, packages in kinds:
        if not (images.cache_dir() / f"{images.key(release, packages)}.tar").is_file():
            say(f"building a {release} image of {len(packages)} packages; about half a minute, once")
    with ThreadPoolExecutor(2) as pool:
        names = list(pool.map(lambda kind: images.ensure(*kind), kinds))
    return dict(zip(kinds, names, strict=True))


@dataclass(frozen=True, kw_only=True)
class _Maker:
    """What is the same for every machine of one `up`."""

    policy: Policy
    limits: limits.Limits
    born: dict[str, dict[str, Seed]]
    built: dict[tuple[str, tuple[str, ...]], str]
    upstream: tuple[str, ...]

    def make(self, machine: Machine) -> None:
        resolver = self.policy.site.resolver
        inside = resolver is not None and machine.managed
        dns = (str(self.policy.hosts[resolver].address),) if inside and resolver else self.upstream
        flags = containers.arguments(self.policy, machine, self.limits, dns)
        seed, image = self.born[machine.name], self.built[machine.release, machine.packages]
        containers.start(machine, flags, image, archive(seed), whose(seed))
