"""The edge: what it really offers, blocks, limits and logs, seen by requests made on the host itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TypeVar

from haechi.controls.model import Breaker, Case, Control, Scope, Severity, SiteCase, Verdict, none_of, not_here
from haechi.controls.site import all_seen
from haechi.observe.edge import Edge
from haechi.observe.posture import UnknownError
from haechi.policy.resolve import EDGE_LEAF, day_of

NO_EDGE = "policy has no edge here"
UNITS = ("haproxy.service", "nginx.service", "keepalived.service")
# Authenticated, and with forward secrecy (RFC 8446, appendix B.4; RFC 7525, section 4.2).
SUITES = {
    "TLSv1.3": {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
    "TLSv1.2": {
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    },
}
YEAR_S = 31_536_000
T = TypeVar("T")
SLACK = timedelta(days=1)
FORBIDDEN, TOO_LARGE, TOO_MANY, PASSED = 403, 413, 429, 204
HAPROXY, WAF = "/etc/haproxy/haproxy.cfg", "/etc/haechi/edge/waf.conf"


def tls(case: Case) -> Verdict:
    """Every handshake ends with TLS 1.3, or 1.2 while policy says so, and with AEAD suites alone; answers say HSTS."""
    seen, expected = case.posture.edge, "TLS 1.3 (1.2 until policy's day), AEAD suites, HSTS of a year"
    policy = case.policy.edge
    if policy is None or case.host not in policy.hosts:
        return not_here(NO_EDGE, expected)
    offered, limits = _offered(seen), _part(seen.limits)
    allowed = {"TLSv1.3"}
    if policy.tls12_until is not None and day_of(case.at) <= policy.tls12_until:
        allowed.add("TLSv1.2")
    bad = [f"{version} is offered" for version in offered if version not in allowed]
    bad += [
        f"{suite} is offered"
        for version in sorted(allowed)
        for suite in offered.get(version, ())
        if suite not in SUITES[version]
    ]
    bad += [] if "TLSv1.3" in offered else ["TLS 1.3 is not offered"]
    bad += [] if _max_age(limits.hsts) >= YEAR_S else [f"HSTS is {limits.hsts or 'not said'}"]
    told = ", ".join(f"{version} with {len(suites)} suites" for version, suites in offered.items())
    return none_of(bad, expected, f"{told}; {limits.hsts}")


def certificate(case: Case) -> Verdict:
    """Whoever asks is shown the site's certificate, the one on the disk, with a third of its life left."""
    seen, expected = case.posture.edge, "the renewed certificate of the site's authority is the one that is served"
    if _not_an_edge(case):
        return not_here(NO_EDGE, expected)
    served, leaves = _part(seen.certificate), case.posture.x509.leaves
    if not served.trusted or served.begins is None or served.ends is None:
        return none_of(["what is served is no certificate of the site for that name"], expected, "")
    here = [leaf.ends for leaf in leaves if leaf.name == EDGE_LEAF]
    bad = [] if here == [served.ends] else [f"one until {served.ends:%Y-%m-%d %H:%M} is served, another is on the disk"]
    if served.ends - case.at < (served.ends - served.begins) / 3 - SLACK:
        bad.append(f"it ends on {served.ends:%Y-%m-%d}: less than a third of its life is left")
    return none_of(bad, expected, f"served until {served.ends:%Y-%m-%d}, as on the disk")


def waf_blocks(case: Case) -> Verdict:
    """Our own attack is blocked, and ordinary words in Korean are not."""
    seen, expected = case.posture.edge, "an attack is answered 403, and ordinary words pass"
    if _not_an_edge(case):
        return not_here(NO_EDGE, expected)
    waf = _part(seen.waf)
    bad = [] if waf.attack == FORBIDDEN else [f"an SQL injection was answered {waf.attack or 'nothing'}"]
    bad += [] if waf.words == PASSED else [f"ordinary words were answered {waf.words or 'nothing'}"]
    return none_of(bad, expected, f"an SQL injection was answered {waf.attack}, ordinary words {waf.words}")


def limited(case: Case) -> Verdict:
    """Whatever is too large, too often or too many at once is refused at policy's numbers."""
    seen, expected = case.posture.edge, "too large 413, too often 429, and no more connections than policy gives"
    policy = case.policy.edge
    if policy is None or case.host not in policy.hosts:
        return not_here(NO_EDGE, expected)
    limits, most = _part(seen.limits), policy.limits.source_connections
    bad = [] if limits.body == TOO_LARGE else [f"a body above the limit was answered {limits.body or 'nothing'}"]
    bad += (
        [] if limits.requests == TOO_MANY else [f"a source above its rate was answered {limits.requests or 'nothing'}"]
    )
    bad += [] if 0 < limits.connections <= most else [f"one source has {limits.connections} connections of {most}"]
    return none_of(bad, expected, f"{limits.body}, {limits.requests}, {limits.connections} connections of one source")


def logs_clean(case: Case) -> Verdict:
    """Each marked request is in the log by its path, and nothing else of it is."""
    seen, expected = case.posture.edge, "the access log has a request's path, no query, no cookie and no body"
    if _not_an_edge(case):
        return not_here(NO_EDGE, expected)
    log = _part(seen.log)
    bad = [f"a request's {name} is in a log" for name in log.also]
    bad += [] if log.path else ["a request that was made is in no log"]
    return none_of(bad, expected, "a marked request is in the log by its path alone")


def serves(case: Case) -> Verdict:
    """All that answers, blocks and moves the address runs, starts at boot, and is asked whether it answers."""
    units, expected = case.posture.units, f"{', '.join(UNITS)} run and start at boot, and keepalived asks the edge"
    if _not_an_edge(case):
        return not_here(NO_EDGE, expected)
    bad = [f"{unit} is {units.files.get(unit, 'not there')}" for unit in UNITS if units.files.get(unit) != "enabled"]
    bad += [f"{unit} does not run" for unit in UNITS if unit not in units.active]
    if not _part(case.posture.edge.watched):
        bad.append("keepalived does not ask whether this edge answers, so a dead one would keep the address")
    return none_of(bad, expected, f"{', '.join(UNITS)} run and are enabled, and keepalived asks the edge")


def one_holder(case: SiteCase) -> Verdict:
    """Exactly one of the two has the shared address."""
    expected = "one host of the pair has the shared address"
    all_seen(case)
    looks = {host: posture.edge for host, posture in case.postures.items()}
    if case.policy.edge is None:
        return not_here("policy has no edge", expected)
    has = [host for host in case.policy.edge.hosts if looks[host].holds]
    told = f"{' and '.join(has) or 'nobody'} has {case.policy.edge.address}"
    return none_of([] if len(has) == 1 else [told], expected, told)


def _not_an_edge(case: Case) -> bool:
    return case.policy.edge is None or case.host not in case.policy.edge.hosts


def _part(part: T | None) -> T:
    """Return a part of a look. Raises ``UnknownError`` where the host was asked for none."""
    if part is None:
        raise UnknownError("edge: the host was not asked for it")
    return part


def _offered(seen: Edge) -> Mapping[str, tuple[str, ...]]:
    return _part(seen.offered)


def _max_age(header: str) -> int:
    parts = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    said = parts.get("max-age", "")
    return int(said) if said.isascii() and said.isdigit() else 0


def _edit(what: str, instead: str, path: str = HAPROXY) -> str:
    unit = "nginx" if path == WAF else "haproxy"
    return f"sed -i 's/{what}/{instead}/' {path}; systemctl reload {unit}"


EDGES = ("edge1", "edge2")
CONTROLS = (
    Control(
        id="edge-tls",
        title_ko="외부 접점의 암호통신(TLS 1.3, HSTS)",
        title_en="The edge speaks TLS 1.3, with AEAD suites alone, and says HSTS",
        severity=Severity.HIGH,
        articles=("pipc-7-4", "ismsp-2.7.1", "ismsp-2.10.5", "iso-a.8.24"),
        judge=tls,
        breaker=Breaker(
            how="TLS 1.2 is offered without a day in policy",
            script=_edit("ssl-min-ver TLSv1.3 no-tls", "ssl-min-ver TLSv1.2 no-tls"),
            touches=("haproxy-tls",),
            hosts=EDGES,
        ),
    ),
    Control(
        id="edge-certificate",
        title_ko="외부 접점 인증서의 유효기간 및 갱신 적용",
        title_en="The edge serves the certificate that was renewed last",
        severity=Severity.HIGH,
        articles=("pipc-7-4", "ismsp-2.7.2", "iso-a.8.24"),
        judge=certificate,
        breaker=Breaker(
            how="a certificate of somebody else is served",
            script="cd /etc/haechi/edge; rm tls.pem tls.pem.key; openssl req -x509 -newkey ec -pkeyopt"
            " ec_paramgen_curve:P-256 -nodes -keyout tls.pem.key -out tls.pem -subj /CN=x -days 30 2>/dev/null;"
            " systemctl reload haproxy",
            # No answer comes over a connection that nobody trusts, so nothing else of an edge can be told beside it.
            touches=("haproxy-tls", "haproxy-limits", "haproxy-log", "waf"),
            also=("edge-waf-blocks", "edge-limits", "edge-logs-clean", "edge-tls"),
            hosts=EDGES,
        ),
    ),
    Control(
        id="edge-waf-blocks",
        title_ko="웹 방화벽의 공격 차단",
        title_en="The WAF blocks an attack and lets ordinary words pass",
        severity=Severity.HIGH,
        articles=("pipc-6-1-2", "efsr-17-1", "ismsp-2.10.3", "iso-a.8.26"),
        judge=waf_blocks,
        breaker=Breaker(
            how="the WAF is told to look on",
            script=_edit("^SecRuleEngine On", "SecRuleEngine DetectionOnly", WAF),
            touches=("waf",),
            hosts=EDGES,
        ),
    ),
    Control(
        id="edge-limits",
        title_ko="외부 접점의 요청·연결·본문 크기 제한",
        title_en="The edge refuses what is too large, too often or too many at once",
        severity=Severity.HIGH,
        articles=("pipc-6-1-2", "ismsp-2.10.3", "iso-a.8.20"),
        judge=limited,
        breaker=Breaker(
            how="the limit of requests is taken out",
            script=f"sed -i '/deny_status 429/d' {HAPROXY}; systemctl reload haproxy",
            touches=("haproxy-limits",),
            hosts=EDGES,
        ),
    ),
    Control(
        id="edge-logs-clean",
        title_ko="접속기록 내 개인정보 배제",
        title_en="The access log holds no query, no cookie and no body",
        severity=Severity.HIGH,
        articles=("pipc-6-3", "ismsp-2.9.4", "iso-a.8.11", "iso-a.8.15"),
        judge=logs_clean,
        breaker=Breaker(
            how="the log takes the whole address of a request",
            script=_edit("%\\[var(txn.path)\\]", "%HU"),
            touches=("haproxy-log",),
            hosts=EDGES,
        ),
    ),
    Control(
        id="edge-serves",
        title_ko="외부 접점 서비스의 가동",
        title_en="What answers, blocks and moves the address runs and starts at boot",
        severity=Severity.MEDIUM,
        articles=("ismsp-2.9.2", "iso-a.8.14"),
        judge=serves,
        breaker=Breaker(
            how="nothing moves the address at the next boot",
            script="systemctl disable --quiet keepalived",
            touches=("keepalived",),
            hosts=EDGES,
        ),
    ),
    Control(
        id="edge-one-holder",
        title_ko="이중화 외부 접점의 대표 주소 단일 보유",
        title_en="One host of the pair has the shared address",
        severity=Severity.HIGH,
        articles=("ismsp-2.9.2", "iso-a.8.14"),
        scope=Scope.SITE,
        site_judge=one_holder,
        breaker=Breaker(
            how="the address is taken by hand, and nothing moves it",
            script="systemctl stop keepalived; cd /etc/keepalived; card=$(sed -n 's/^ *interface //p' keepalived.conf);"
            " ip address replace $(grep -A1 virtual_ipaddress keepalived.conf | tail -n 1) dev $card; sleep 4",
            touches=("keepalived",),
            also=("edge-serves",),
            hosts=EDGES,
        ),
    ),
)
