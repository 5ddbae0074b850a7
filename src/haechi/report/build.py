"""From a stored run to the report's model: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC

from haechi.catalogue import KISA_2026, Article
from haechi.controls.judging import SITE
from haechi.controls.model import Control, Scope, Severity, Status
from haechi.privileged import ROOT, Privileged, Right
from haechi.report.model import (
    ArticleView,
    ControlView,
    Coverage,
    Framework,
    Group,
    Holder,
    HostView,
    Point,
    Report,
    Row,
    Stored,
    Tally,
    Waiver,
    WaiverView,
)

# What is said of several verdicts together is the worst of them; a person's work still to do outweighs a pass.
WORST_FIRST = (Status.FAIL, Status.UNKNOWN, Status.WAIVED, Status.MANUAL, Status.PASS, Status.NOT_APPLICABLE)


def build(stored: Stored, controls: Sequence[Control], articles: Sequence[Article]) -> Report:
    """Return the report of a run.

    A verdict on a control that this version does not know is kept under its id: a report never drops a verdict.
    """
    known = {control.id: control for control in controls}
    strangers = {row.control: _stranger(row) for row in stored.rows if row.control not in known}
    everything = (*controls, *strangers.values())
    by_article = {article.id: article for article in articles}
    by_control = _by(stored.rows, "control")
    views = tuple(
        _control(control, control.id in known, by_article, by_control.get(control.id, ())) for control in everything
    )
    return Report(
        stored=stored,
        tally=tally(row.status for row in stored.rows),
        missing=tuple(host for host in stored.expected if host not in stored.observed),
        hosts=_hosts(stored),
        controls=views,
        frameworks=_frameworks(articles, views),
        waivers=tuple(_waiver(waiver, stored) for waiver in stored.waivers),
        trend=_trend(stored),
        holders=_holders(stored.privileged),
    )


def tally(statuses: Iterable[Status]) -> Tally:
    """Return the counts of all six kinds."""
    seen = list(statuses)
    return Tally(counts={status: seen.count(status) for status in Status})


def worst(statuses: Iterable[Status]) -> Status | None:
    """Return the one status that stands for several."""
    return min(statuses, key=WORST_FIRST.index, default=None)


def _by(rows: Iterable[Row], field: str) -> Mapping[str, tuple[Row, ...]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(getattr(row, field), []).append(row)
    return {name: tuple(members) for name, members in found.items()}


def _stranger(row: Row) -> Control:
    scope = Scope.SITE if row.subject == SITE else Scope.HOST
    return Control(
        id=row.control, title_ko=row.control, title_en=row.control, severity=Severity.LOW, articles=(), scope=scope
    )


def _control(control: Control, known: bool, by_article: Mapping[str, Article], rows: Sequence[Row]) -> ControlView:  # noqa: FBT001 - a fact about the control, named at the one call
    alike: dict[tuple[Status, str, str, str | None], list[str]] = {}
    for row in rows:
        alike.setdefault((row.status, row.seen, row.expected, row.waiver), []).append(row.subject)
    groups = [
        Group(status=status, seen=seen, expected=expected, waiver=waiver, subjects=tuple(subjects))
        for (status, seen, expected, waiver), subjects in alike.items()
    ]
    return ControlView(
        control=control,
        known=known,
        articles=tuple(by_article[name] for name in control.articles if name in by_article),
        groups=tuple(sorted(groups, key=lambda group: WORST_FIRST.index(group.status))),
        tally=tally(row.status for row in rows),
        worst=worst(row.status for row in rows),
    )


def _hosts(stored: Stored) -> tuple[HostView, ...]:
    by_subject = _by(stored.rows, "subject")
    names = dict.fromkeys((*stored.expected, *stored.observed, *by_subject))
    names.pop(SITE, None)
    subjects = [*names, *([SITE] if SITE in by_subject else [])]
    return tuple(
        HostView(
            name=name,
            observed=name in stored.observed or name == SITE,
            rows=tuple(sorted(by_subject.get(name, ()), key=lambda row: WORST_FIRST.index(row.status))),
            tally=tally(row.status for row in by_subject.get(name, ())),
        )
        for name in subjects
    )


def _frameworks(articles: Sequence[Article], views: Sequence[ControlView]) -> tuple[Framework, ...]:
    serving = _serving(articles, views)
    found: dict[str, list[ArticleView]] = {}
    for article in articles:
        found.setdefault(article.framework, []).append(_article(article, serving.get(article.id, [])))
    return tuple(
        Framework(
            name=name,
            articles=tuple(members),
            covered={kind: sum(one.coverage is kind for one in members) for kind in Coverage},
            standing={status: sum(one.status is status for one in members) for status in Status},
        )
        for name, members in found.items()
    )


def _serving(articles: Sequence[Article], views: Sequence[ControlView]) -> Mapping[str, list[ControlView]]:
    """Return the controls of each article; an item of KISA's 2021 list is also served by those of its successor."""
    found: dict[str, list[ControlView]] = {}
    for view in views:
        for article in view.articles:
            found.setdefault(article.id, []).append(view)
    successors = {article.code: article.id for article in articles if article.framework == KISA_2026}
    for article in articles:
        successor = successors.get(article.successor_2026 or "")
        if successor in found:
            own = found.setdefault(article.id, [])
            own += [view for view in found[successor] if view not in own]
    return found


def _article(article: Article, serving: Sequence[ControlView]) -> ArticleView:
    machine = any(view.control.judge or view.control.site_judge for view in serving)
    coverage = Coverage.MACHINE if machine else Coverage.PERSON if serving else Coverage.NONE
    return ArticleView(
        article=article,
        controls=tuple(view.control for view in serving),
        coverage=coverage,
        status=worst(view.worst for view in serving if view.worst is not None),
    )


def _waiver(waiver: Waiver, stored: Stored) -> WaiverView:
    return WaiverView(
        waiver=waiver,
        # Judges count days in UTC, and so must the page that explains them.
        days=(waiver.until - stored.meta.at.astimezone(UTC).date()).days,
        used=sum(row.waiver == waiver.id for row in stored.rows),
    )


def _holders(rows: Iterable[Privileged]) -> tuple[Holder, ...]:
    """Return the identities of power, root first; alike on several hosts they are one line."""
    alike: dict[tuple[str, str, str, tuple[Right, ...]], list[Privileged]] = {}
    for row in rows:
        alike.setdefault((row.account, row.kind, row.owner, row.rights), []).append(row)
    found = [
        Holder(
            account=account,
            kind=kind,
            owner=owner,
            rights=rights,
            hosts=tuple(row.host for row in members),
            last=max((row.last for row in members if row.last is not None), default=None),
            recorded=all(row.recorded for row in members),
        )
        for (account, kind, owner, rights), members in alike.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.account != ROOT, one.account, one.rights)))


def _trend(stored: Stored) -> tuple[Point, ...]:
    before = [
        Point(
            at=earlier.at,
            run=earlier.run,
            tally=Tally(counts={status: earlier.counts.get(str(status), 0) for status in Status}),
        )
        for earlier in stored.earlier
        if earlier.run != stored.meta.run
    ]
    now = Point(at=stored.meta.at, run=stored.meta.run, tally=tally(row.status for row in stored.rows))
    return tuple(sorted((*before, now), key=lambda point: point.at))
