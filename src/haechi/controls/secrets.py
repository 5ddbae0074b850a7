"""Whether the shared secrets that leavers knew were changed, as people stood for it."""

from __future__ import annotations

from datetime import timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

from haechi.controls import records
from haechi.controls.model import Breaker, Control, Scope, Severity, SiteCase, Verdict, none_of

WHAT = "shared-secrets"
WITHIN = timedelta(days=1)
EXPECTED = "what a leaver knew is changed within a day"


class _Due(BaseModel):
    """One row of ``haechi.rotation`` as the run read it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    person: str
    since: AwareDatetime
    where: str
    rotate: str
    by: str
    done: str


class _Record(BaseModel):
    """The record: everything that was ever due."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    secrets: tuple[_Due, ...]


def rotated(case: SiteCase) -> Verdict:
    """Judge by what offboardings wrote down and ``haechi rotated`` recorded."""
    rows = records.held(case, WHAT, _Record, "shared secrets").secrets
    due = [row for row in rows if not row.done]
    late = [row for row in due if case.at - row.since > WITHIN]
    bad = [f"{row.name} ({row.where}), which {row.person} knew, is due since {row.since:%Y-%m-%d}" for row in late]
    names = ", ".join(sorted({row.name for row in due}))
    told = f"{len(rows) - len(due)} changed after somebody left, {len(due)} due within a day" + (
        f": {names}" if names else ""
    )
    return none_of(bad, EXPECTED, told)


_ROW = (
    '{"name": "safe", "person": "tae", "since": "2026-01-01T00:00:00+00:00", "where": "The safe", "rotate": "by hand",'
    ' "by": "", "done": ""}'
)
_FILE = '"$STATE/secrets.json"'

CONTROLS = (
    Control(
        id="secrets-rotated-after-leaver",
        title_ko="퇴직자가 알던 공유 비밀의 교체",
        title_en="Shared secrets are changed when somebody who knew them leaves",
        severity=Severity.MEDIUM,
        articles=("pipc-5-2", "ismsp-2.2.5", "ismsp-2.5.4", "iso-a.5.17"),
        scope=Scope.SITE,
        site_judge=rotated,
        breaker=Breaker(
            how="nobody changed what a leaver of last year knew",
            script=f"if [ -f {_FILE} ]; then mv {_FILE} {_FILE}.aside; fi; "
            f'echo \'{{"schema": 1, "secrets": [{_ROW}]}}\' > {_FILE}',
            mend="undo",
            undo=f"rm -f {_FILE}; if [ -f {_FILE}.aside ]; then mv {_FILE}.aside {_FILE}; fi",
            touches=("secrets",),
            where="control",
        ),
    ),
)
