"""Hosts hear by themselves who left: the list is the newest, it is checked before sshd starts, and it goes stale."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from haechi.controls.certificates import STRANGER, high
from haechi.controls.model import Breaker, Case, Verdict, failed, none_of, not_here

CONFIG, SIGNERS = "/etc/haechi/list.json", "/etc/haechi/list.signers"
REFUSED = "/run/haechi/refused"
LOOPBACK = "127.0.0.1"
# The unit that fetches runs each five minutes; three that failed are no coincidence.
HEARD = timedelta(minutes=20)
EXPECTED = "the newest list, confirmed within 20 minutes"


def fresh(case: Case) -> Verdict:
    """Judge whether the host holds the newest list and goes on asking for the next."""
    pull = _told(case)
    if pull is None:
        return _without(case)
    seen, newest = case.posture.revocations, int(json.loads(pull["listed"])["sequence"])
    if seen.held is None or seen.held.why:
        return failed(f"no list: {seen.held.why if seen.held else 'nothing fetches one'}", EXPECTED)
    bad = [] if seen.timer else ["the timer that fetches it does not run"]
    if seen.held.sequence < newest:
        bad.append(f"number {seen.held.sequence} is held, and {newest} is signed")
    if seen.held.expires is None or case.at >= seen.held.expires:
        bad.append(f"it expired at {seen.held.expires}")
    if seen.confirmed is None or case.at - seen.confirmed > HEARD:
        bad.append(f"last confirmed {seen.confirmed:%Y-%m-%d %H:%M}" if seen.confirmed else "never confirmed")
    bad += [f"alarm {name}: {what}" for name, what in sorted(seen.alarms.items()) if name in {"list", "list-stale"}]
    return none_of(bad, EXPECTED, f"list {seen.held.sequence}, until {seen.held.expires:%Y-%m-%d %H:%M}")


def before_sshd(case: Case) -> Verdict:
    """At boot the list is fetched, checked by the site's key, and applied before anybody can log in."""
    pull = _told(case)
    if pull is None:
        return _without(case)
    seen = case.posture.revocations
    bad = (
        []
        if seen.signers == hashlib.sha256(pull["signer"].encode()).hexdigest()
        else ["others than the site can sign it"]
    )
    bad += [] if seen.boot == "enabled" else [f"the unit that runs at boot is {seen.boot or 'not there'}"]
    bad += [] if seen.before_sshd else ["nothing puts it before sshd"]
    wanted = pull["config"]
    bad += [
        f"{name} {seen.config.get(name)}"
        for name in ("site", "address", "port")
        if seen.config.get(name) != wanted[name]
    ]
    return none_of(
        bad, "checked by the site's key before sshd starts", "enabled at boot before ssh.service, one signer"
    )


def stale_policy(case: Case) -> Verdict:
    """While the list is stale people wait, if policy says so; nobody else ever, and nobody while it is fresh."""
    pull = _told(case)
    if pull is None:
        return _without(case)
    seen, wanted = case.posture.revocations, pull["config"]
    names = ("stale_list", "stale_minutes")
    bad = [f"{name} {seen.config.get(name)}" for name in names if seen.config.get(name) != wanted[name]]
    # Whoever was shut out for disuse is told of all the same: the control node knows of that no earlier than now.
    about = {*wanted["people"], *case.asleep}
    # Whether a leaver is named makes no difference: she is refused in any case.
    named = _named(seen.config)
    if named is None or {*named, *case.asleep} - case.revoked != about - case.revoked:
        bad.append(f"people {seen.config.get('people')}")
    lines = case.posture.pam.stacks.get("common-account", ())
    asked = any("pam_listfile.so" in line and f"file={REFUSED}" in line for line in lines)
    included = ("@include", "common-account") in case.posture.pam.stacks.get("sshd", ())
    bad += [] if asked and included else ["PAM does not ask who must wait"]
    bad += [f"{who} waits, and is none of those whom it is about" for who in seen.refused if who not in about]
    what = f"{wanted['stale_list']} after {wanted['stale_minutes']} minutes, about {len(wanted['people'])} people"
    return none_of(bad, f"stale_list {what}", what)


def automation(case: Case) -> Verdict:
    """Judge whether the automation gets in by certificate, from where playbooks run, and other uses are alarms."""
    pull = _told(case)
    if pull is None:
        return _without(case)
    seen, wanted = case.posture.revocations, pull["config"]["automation"]
    principals = case.desired["accounts"]["certificates"]["principals"].get(wanted["id"], [])
    taken = case.posture.certificates.principals.get(wanted["id"], ())
    bad = [f"{name} opens nothing here" for name in principals if name not in taken]
    bad += [
        f"the bare key counts from {one}" for one in seen.bare_key_from if one not in {*wanted["sources"], LOOPBACK}
    ]
    bad += [] if seen.config.get("automation") == wanted else ["the host watches for something else"]
    bad += [f"alarm: {what}" for name, what in seen.alarms.items() if name == "automation-elsewhere"]
    what = f"{wanted['id']} from {', '.join(wanted['sources'])}"
    return none_of(bad, f"{what} alone, anything else an alarm", f"{what}, its certificate is taken, no other use")


def _named(config: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the people of whom a host's program is told; None for what is no list of ids."""
    told = config.get("people") or []
    ids = isinstance(told, list) and all(isinstance(who, str) for who in told)
    return frozenset(told) if ids else None


def _told(case: Case) -> Mapping[str, Any] | None:
    """Return what the host is told; None where there is no signed list."""
    pull: Mapping[str, Any] = case.desired["accounts"]["pull"]
    return pull or None


def _without(case: Case) -> Verdict:
    """Say what it means that nothing is told about a list: the host must fetch none then."""
    fetches = bool(case.posture.revocations.config)
    if case.policy.pki is not None:
        return failed("policy names an authority, and no list was signed yet: run site.yml", "a signed list")
    if fetches:
        return failed(f"the host fetches a list that nobody signs: remove {CONFIG} and haechi-list.timer", "no list")
    return not_here("policy names no authority that signs a list", "no list")


CONTROLS = (
    high(
        "list-fresh",
        ("서버가 최신 퇴사자 목록을 스스로 확인", "Each host holds the newest signed list of who left"),
        ("pipc-5-2", "ismsp-2.2.5", "ismsp-2.5.1", "iso-a.5.18"),
        fresh,
        Breaker(
            how="nothing asks for the list any more",
            script="systemctl disable --quiet --now haechi-list.timer",
            touches=("list:timer",),
        ),
    ),
    high(
        "list-verified-before-sshd",
        ("부팅 시 접속 허용 전에 서명된 퇴사자 목록 확인", "A signed list is checked before sshd answers at boot"),
        ("pipc-5-2", "ismsp-2.2.5", "ismsp-2.5.1", "iso-a.8.5"),
        before_sshd,
        Breaker(
            how="a stranger may sign the list too",
            script=f"echo 'haechi namespaces=\"haechi-list\" {STRANGER}' >> {SIGNERS}",
            touches=("list:signers",),
        ),
    ),
    high(
        "list-stale-policy",
        (
            "퇴사자 목록이 오래되면 사람의 접속을 정책대로 제한",
            "While the list is stale people get in as policy says",
        ),
        ("pipc-5-2", "ismsp-2.5.1", "ismsp-2.6.2", "iso-a.5.18"),
        stale_policy,
        Breaker(
            how="the host lets people in however old its list is",
            script=f'sed -i \'s/"stale_list": "refuse"/"stale_list": "allow"/\' {CONFIG}',
            touches=("list:config",),
        ),
    ),
    high(
        "automation-certificate",
        (
            "자동화 계정은 관리 노드에서만 단기 인증서로 접속",
            "Automation gets in from the control node, by certificate",
        ),
        ("pipc-5-1", "ismsp-2.5.5", "ismsp-2.6.2", "iso-a.8.2"),
        automation,
        Breaker(
            how="the automation's key counts from anywhere",
            script='sed -i \'s/^from="[^"]*" //\' /etc/ssh/authorized_keys.d/haechi',
            touches=("keys:haechi",),
        ),
    ),
)
