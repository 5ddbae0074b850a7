"""Who gets in, as tried over new connections in the same run; a refusal counts only beside an acceptance."""

from __future__ import annotations

from haechi.controls.model import Breaker, Case, Control, Scope, Severity, Verdict, failed, none_of
from haechi.observe.observation import Observation
from haechi.observe.posture import UnknownError
from haechi.policy.models import State
from haechi.policy.resolve import access_on, keys_of

ACCEPTED, REFUSED = "accepted", "refused"


def _keys(case: Case, wanted: str) -> list[Observation]:
    """Return the offers that policy wants to be answered like this, whatever they say of it themselves.

    Raises ``UnknownError`` while nobody at all was accepted (a host that answers nobody proves no refusal), and where
    a key of policy was not tried.
    """
    offers = [probe for probe in case.probes if probe.data.get("what") == "key"]
    if not any(probe.data.get("result") == ACCEPTED for probe in offers):
        raise UnknownError("no offer of a key was accepted in this run, so no answer about keys means anything")
    meant = _meant(case)
    tried = [probe.data.get("who") for probe in offers]
    untried = [who for who, answer in meant.items() if answer == wanted and who not in tried]
    if untried:
        raise UnknownError(f"no key was offered for {', '.join(untried)}")
    entitled = [who for who, answer in meant.items() if answer == ACCEPTED]
    return [probe for probe in offers if (probe.data.get("who") in entitled) == (wanted == ACCEPTED)]


def _meant(case: Case) -> dict[str, str]:
    """Return for each identity with a key whether it must get in; one whom policy does not name must not."""
    return {
        access.identity.id: ACCEPTED if access.login and access.state is State.ACTIVE else REFUSED
        for access in access_on(case.policy, case.host, case.revoked)
        if keys_of(case.policy, access.identity)
    }


def _answers(offers: list[Observation], wanted: str, expected: str) -> Verdict:
    unheard = [p for p in offers if p.data.get("result") not in (ACCEPTED, REFUSED)]
    wrong = [f"{p.data.get('who')}: {p.data.get('result')}" for p in offers if p.data.get("result") != wanted]
    if unheard and len(wrong) == len(unheard):
        who = ", ".join(f"{p.data.get('who')} ({p.data.get('why')})" for p in unheard)
        raise UnknownError(f"no clear answer about {who}")
    names = ", ".join(str(p.data.get("who")) for p in offers)
    return none_of(wrong, expected, f"{wanted}: {names or 'nobody is meant'}")


def entitled_get_in(case: Case) -> Verdict:
    """Everybody whom policy lets in is let in: a lock-out is found before somebody needs the host."""
    expected = "sshd accepts the key of every identity with a job here"
    offers = _keys(case, ACCEPTED)
    refused = [p for p in case.probes if p.data.get("what") == "login" and p.data.get("result") != ACCEPTED]
    if refused:
        return failed(f"the canary's full login: {refused[0].data.get('why')}", expected)
    return _answers(offers, ACCEPTED, expected)


def others_stay_out(case: Case) -> Verdict:
    """Leavers, disabled people and people without a job here are refused."""
    return _answers(_keys(case, REFUSED), REFUSED, "sshd refuses the keys of leavers and of people without a job here")


CONTROLS = (
    Control(
        id="login-entitled",
        title_ko="접근 권한이 있는 계정의 로그인 가능 확인",
        title_en="Everybody entitled gets in",
        severity=Severity.MEDIUM,
        articles=("ismsp-2.5.3", "iso-a.8.5"),
        scope=Scope.PAIR,
        judge=entitled_get_in,
        breaker=Breaker(
            how="an operator's key file is emptied",
            script=": > /etc/ssh/authorized_keys.d/minho",
            touches=("keys:minho",),
            also=("accounts-keys-exact",),
        ),
    ),
    Control(
        id="login-others-refused",
        title_ko="퇴직자 및 무권한자의 로그인 차단 확인",
        title_en="Leavers and people without a job here are refused",
        severity=Severity.HIGH,
        articles=("pipc-5-2", "ismsp-2.5.1", "iso-a.5.18"),
        scope=Scope.PAIR,
        judge=others_stay_out,
        breaker=Breaker(
            how="a person without a job here gets an account, the login group and a key",
            script=(
                "useradd --create-home --shell /bin/bash --groups haechi-login sora && "
                "echo '@KEY:sora@' > /etc/ssh/authorized_keys.d/sora && chmod 644 /etc/ssh/authorized_keys.d/sora"
            ),
            undo="userdel --remove sora; rm -rf /home/sora; rm -f /etc/ssh/authorized_keys.d/sora",
            touches=("passwd", "keys:sora"),
            also=("accounts-state", "accounts-keys-exact", "accounts-groups-exact"),
            hosts=("gw1", "edge1", "edge2", "app1", "db1", "vault1", "backup1"),
        ),
    ),
)
