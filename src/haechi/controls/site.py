"""What only the whole site can show, and what no host can: the registers that people keep."""

from __future__ import annotations

from collections.abc import Iterable

from haechi.controls.keys import CENTRAL
from haechi.controls.model import Breaker, Control, Scope, Severity, SiteCase, Status, Verdict, none_of
from haechi.observe.posture import UnknownError
from haechi.observe.sections import Account
from haechi.policy.models import Identity, Kind, State
from haechi.policy.resolve import managed, owners

FIRST_UID, NOBODY = 1000, 65534
NO_SHELL = ("/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false", "/bin/sync")


def one_key_one_person(case: SiteCase) -> Verdict:
    """Every key stands for one identity, in policy and on every host."""
    all_seen(case)
    owned = owners(case.policy)
    bad = [f"{print_} of {' and '.join(who)} in policy" for print_, who in owned.items() if len(who) > 1]
    users: dict[str, set[str]] = {}
    for host, posture in case.postures.items():
        for file in posture.keys:
            for print_ in file.fingerprints if file.path.startswith(CENTRAL) else ():
                users.setdefault(print_, set()).add(file.account)
                if file.account not in owned.get(print_, (file.account,)):
                    bad.append(f"{host}: {file.account} has the key of {owned[print_][0]}")
    bad += [f"{print_} of {' and '.join(sorted(who))}" for print_, who in users.items() if len(who) > 1]
    return none_of(bad, "every key has one holder", f"{len(users)} keys on {len(case.postures)} hosts, one holder each")


def people_behind_accounts(case: SiteCase) -> Verdict:
    """Behind every account that can log in stands a person who is here: herself, or as the owner of a machine's."""
    all_seen(case)
    people = {who.id: who for who in case.policy.identities}
    bad: dict[str, list[str]] = {}
    accounts: set[str] = set()
    for host, posture in case.postures.items():
        for row in filter(_can_log_in, posture.accounts.rows):
            accounts.add(row.name)
            fault = _nobody_behind(row.name, people, case.revoked)
            if fault:
                bad.setdefault(fault, []).append(host)
    told = [f"{fault} ({', '.join(hosts)})" for fault, hosts in bad.items()]
    return none_of(told, "a person behind every account", f"a person behind each of {', '.join(sorted(accounts))}")


def one_clock(case: SiteCase) -> Verdict:
    """All hosts follow the site's own time server, so that two logs can be laid side by side."""
    all_seen(case)
    server = case.policy.site.time_server
    if server is None:
        raise UnknownError("policy names no time server")
    address = str(case.policy.hosts[server].address)
    seen = {host: posture.clock.server.split() for host, posture in case.postures.items() if host != server}
    bad = [f"{host} follows {' '.join(names) or 'nobody'}" for host, names in seen.items() if names != [address]]
    return none_of(bad, f"every host follows {server} ({address})", f"{len(seen)} hosts follow {address}")


def all_seen(case: SiteCase) -> None:
    """Raise ``UnknownError`` that names the hosts of policy nobody saw."""
    unseen = [host for host in managed(case.policy) if host not in case.postures]
    if unseen or not case.postures:
        raise UnknownError(f"not seen: {', '.join(unseen) or 'any host'}")


def _can_log_in(row: Account) -> bool:
    return FIRST_UID <= row.uid != NOBODY and row.shell not in NO_SHELL


def _nobody_behind(name: str, people: dict[str, Identity], revoked: Iterable[str]) -> str:
    who = people.get(name)
    if who is None:
        return f"nobody knows {name}"
    person = who if who.kind is Kind.PERSON else people.get(who.owner or "")
    if person is None or person.kind is not Kind.PERSON:
        return f"{name} has no owner"
    gone = person.id in revoked or person.state is not State.ACTIVE
    return f"{person.id}, behind {name}, has left" if gone else ""


def _register(ident: str, titles: tuple[str, str], articles: tuple[str, ...], reason: str) -> Control:
    return Control(
        id=ident,
        title_ko=titles[0],
        title_en=titles[1],
        severity=Severity.MEDIUM,
        articles=articles,
        scope=Scope.SITE,
        status=Status.MANUAL,
        reason=reason,
        registers=(ident,),
    )


CONTROLS = (
    Control(
        id="keys-one-person",
        title_ko="SSH 키 공동 사용 금지",
        title_en="A key stands for one identity",
        severity=Severity.HIGH,
        articles=("pipc-5-4", "efsr-13-2", "ismsp-2.5.2", "iso-a.5.16"),
        scope=Scope.SITE,
        site_judge=one_key_one_person,
        breaker=Breaker(
            how="an operator's key is put into a colleague's file",
            script=f"echo '@KEY:jisoo@' >> {CENTRAL}minho",
            touches=("keys:minho",),
            also=("accounts-keys-exact",),
        ),
    ),
    Control(
        id="people-behind-accounts",
        title_ko="모든 로그인 계정의 사용자·책임자 식별",
        title_en="A person stands behind every account that can log in",
        severity=Severity.HIGH,
        articles=("pipc-5-4", "efsr-13-1-1", "ismsp-2.5.1", "ismsp-2.5.2", "iso-a.5.16"),
        scope=Scope.SITE,
        site_judge=people_behind_accounts,
        breaker=Breaker(
            how="a shared account is made by hand",
            script="useradd --create-home --shell /bin/bash ops-shared",
            mend="undo",
            undo="userdel --remove ops-shared 2>/dev/null",
            touches=("passwd",),
            also=("accounts-only-declared", "U-07"),
        ),
    ),
    Control(
        id="one-clock",
        title_ko="전 서버의 시각 동기화 기준 일원화",
        title_en="All hosts follow one clock",
        severity=Severity.MEDIUM,
        articles=("ismsp-2.9.6", "kisa2026-u-65", "iso-a.8.17"),
        scope=Scope.SITE,
        site_judge=one_clock,
        breaker=Breaker(
            how="one host is told to follow another server",
            script="sed -i 's/^NTP=.*/NTP=192.0.2.1/' /etc/systemd/timesyncd.conf.d/10-haechi.conf",
            touches=("clock",),
            also=("U-65",),
            hosts=("gw1", "edge1", "edge2", "app1", "db1", "log1", "vault1", "backup1"),
        ),
    ),
    _register(
        "log-review",
        ("로그 및 접속기록 정기 점검", "Logs are reviewed and signed off"),
        ("pipc-8-2", "efsr-13-1-9", "credit-2-1", "ismsp-2.9.5", "iso-a.8.15"),
        "Whether what the logs show was proper is a person's judgement: signed each month in the register log-review.",
    ),
    _register(
        "management-check",
        ("관리체계 이행 점검", "The management system is checked"),
        ("pipc-4-4", "efsr-8-1-5", "ismsp-1.4.2", "ismsp-1.4.3", "iso-a.5.35"),
        "An independent check is done by people: its report and date stand in the register management-check.",
    ),
    _register(
        "vulnerability-assessment",
        ("취약점 분석·평가 및 조치", "Vulnerabilities are assessed and mended"),
        ("pipc-18-1", "efsr-37_2-1", "ismsp-2.11.2", "iso-a.8.8"),
        "It is more than this audit: its report and follow-up stand in the register vulnerability-assessment.",
    ),
)
