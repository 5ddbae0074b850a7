"""TLS certificates: the root is on no host, the issuing key is root's alone, each leaf is in its time and renewed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from haechi.controls.model import Breaker, Case, Control, Severity, Verdict, failed, none_of, not_here
from haechi.policy.resolve import certified

FOLDER, ISSUING = "/etc/haechi/x509", "/etc/haechi/pki/x509_issuing.key"
NO_LEAVES = "policy gives no TLS certificate here"
SLACK = timedelta(days=1)
RENEWAL, SERVING = "haechi-renew.timer", "haechi-renew-serve.socket"


def root_offline(case: Case) -> Verdict:
    """No private key on the host is the root's, and none has a passphrase, since such a one could be."""
    expected = "the root's key is on no host: it signed once and was carried away"
    seen = case.posture.x509
    if not seen.root:
        return not_here("no root is trusted here", expected)
    bad = [f"{key.path} is the root's key" for key in seen.keys if key.public == seen.root]
    bad += [f"{key.path} is sealed, and may be the root's" for key in seen.keys if not key.public]
    return none_of(bad, expected, f"{len(seen.keys)} private keys, none of them the root's")


def issuing_shut(case: Case) -> Verdict:
    """Only the authority holds the key that signs, and only root reads it."""
    expected = "the issuing key on the authority, root's alone, and nowhere else"
    seen = case.posture.x509
    here = case.policy.pki is not None and case.policy.pki.host == case.host and _wanted(case)
    found = [key for key in seen.keys if key.path == ISSUING or (seen.issuing and key.public == seen.issuing)]
    if not here:
        told = [f"{key.path} signs for hosts and lies here" for key in found]
        return failed(", ".join(told), expected) if told else not_here("this host signs for nobody", expected)
    if not found:
        return failed(f"{ISSUING} is missing", expected)
    bad = [f"{key.path} lies here too" for key in found if key.path != ISSUING]
    bad += [f"{key.path} mode {key.mode} of uid {key.uid}" for key in found if key.uid or int(key.mode, 8) & 0o077]
    bad += [f"{key.path} is not the key that the root signed" for key in found if key.public != seen.issuing]
    return none_of(bad, expected, f"{ISSUING}, mode {found[0].mode}, signed by the root")


def leaves_in_time(case: Case) -> Verdict:
    """Each certificate of policy is here, of this host, trusted, its key shut, with a third of its life left."""
    expected = "each TLS certificate of policy, with a third of its life left"
    rows, seen = case.desired["recorder"]["x509"]["leaves"], case.posture.x509
    if not rows:
        return not_here(NO_LEAVES, expected)
    bad = [line for row in rows for line in _faults(case, row)]
    told = [f"{leaf.name} until {leaf.ends:%Y-%m-%d}" for leaf in seen.leaves]
    return none_of(bad, expected, ", ".join(told))


def _faults(case: Case, row: Mapping[str, Any]) -> Iterator[str]:
    seen, name = case.posture.x509, row["name"]
    leaf = next((leaf for leaf in seen.leaves if leaf.name == name), None)
    if leaf is None:
        yield f"{name} is missing"
        return
    life, days = leaf.ends - leaf.begins, timedelta(days=case.desired["recorder"]["x509"]["days"])
    if leaf.ends <= case.at:
        yield f"{name} ended on {leaf.ends:%Y-%m-%d}"
    elif leaf.ends - case.at < life / 3 - SLACK:
        yield f"{name} ends on {leaf.ends:%Y-%m-%d}: less than a third of its life is left"
    if life > days + SLACK:
        yield f"{name} counts for {life.days} days, policy gives {days.days}"
    if (sorted(leaf.names), sorted(leaf.addresses)) != (sorted(row["names"]), sorted(row["addresses"])):
        yield f"{name} is for {', '.join((*leaf.names, *leaf.addresses))}"
    if not leaf.trusted:
        yield f"{name} is not signed by the site's authority"
    keys = [key for key in seen.keys if key.path == f"{row['path']}.key"]
    if [key.public for key in keys] != [leaf.public]:
        yield f"{name} has no key beside it"
    yield from (f"{key.path} mode {key.mode}" for key in keys if int(key.mode, 8) & 0o077)


def renewal_armed(case: Case) -> Verdict:
    """Judge whether the timer waits, nothing it tried failed, and the authority can be asked."""
    expected = "certificates are renewed by the host's own timer, without the controller"
    pki = case.policy.pki
    serves = pki is not None and pki.host == case.host and _wanted(case)
    if not case.desired["recorder"]["x509"]["leaves"] and not serves:
        return not_here(NO_LEAVES, expected)
    wanted = [RENEWAL] if case.desired["recorder"]["x509"]["leaves"] else []
    wanted += [SERVING] if serves else []
    units, alarms = case.posture.units, case.posture.recorder.alarms
    bad = [f"{unit} is {units.files.get(unit, 'not there')}" for unit in wanted if units.files.get(unit) != "enabled"]
    bad += [f"{unit} does not run" for unit in wanted if unit not in units.active]
    if RENEWAL in wanted and RENEWAL in units.active and RENEWAL not in case.posture.timers.active:
        bad.append(f"{RENEWAL} waits for no time")
    bad += [f"alarm {name}" for name in alarms if name.startswith("renewal-")]
    return none_of(bad, expected, f"{', '.join(wanted)} enabled and armed, no renewal failed")


def _wanted(case: Case) -> bool:
    return bool(certified(case.policy))


CONTROLS = (
    Control(
        id="x509-root-offline",
        title_ko="최상위 인증기관(Root CA) 개인키의 오프라인 보관",
        title_en="The key of the X.509 root is on no host",
        severity=Severity.HIGH,
        articles=("ismsp-2.7.2", "iso-a.8.24", "pipc-7-6"),
        judge=root_offline,
        breaker=Breaker(
            how="a sealed key is brought back to the authority",
            script="openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 2>/dev/null"
            " | openssl pkcs8 -topk8 -passout pass:sealed -out /root/x509_root.key",
            mend="undo",
            undo="rm -f /root/x509_root.key",
            touches=("x509",),
            hosts=("vault1",),
        ),
    ),
    Control(
        id="x509-issuing-shut",
        title_ko="발급 인증기관 개인키의 접근 통제",
        title_en="The key that signs TLS certificates is root's alone, on one host",
        severity=Severity.HIGH,
        articles=("ismsp-2.7.2", "iso-a.8.24", "pipc-7-6"),
        judge=issuing_shut,
        breaker=Breaker(
            how="everybody may read the issuing key",
            script=f"chmod 644 {ISSUING}",
            touches=("authority",),
            hosts=("vault1",),
        ),
    ),
    Control(
        id="x509-leaves-in-time",
        title_ko="서버 인증서의 유효기간 및 개인키 관리",
        title_en="Each TLS certificate is its host's own, and has a third of its life left",
        severity=Severity.MEDIUM,
        articles=("ismsp-2.7.2", "iso-a.8.24"),
        judge=leaves_in_time,
        breaker=Breaker(
            how="a certificate of somebody else takes the recorder's place",
            script=f"openssl req -new -x509 -key {FOLDER}/recorder.key -subj /CN=x -days 30 -out {FOLDER}/recorder.pem",
            touches=("leaf",),
            hosts=("app1", "edge1", "edge2", "db1"),
        ),
    ),
    Control(
        id="x509-renewal-armed",
        title_ko="컨트롤러 없이 동작하는 인증서 자동 갱신",
        title_en="Each host renews its TLS certificates by itself, at a third of their life",
        severity=Severity.MEDIUM,
        articles=("ismsp-2.7.2", "iso-a.8.24"),
        judge=renewal_armed,
        breaker=Breaker(
            how="the timer that renews certificates is taken out",
            script=f"systemctl disable --quiet --now {RENEWAL}",
            touches=("renewal",),
        ),
    ),
)
