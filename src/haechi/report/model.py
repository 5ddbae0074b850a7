"""What a report says: one audit run, seen by host, by control and by law article. Data only; ``build`` makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from haechi.catalogue import Article
from haechi.controls.model import Control, Status
from haechi.perimeter.matrix import Matrix
from haechi.perimeter.unused import Idle
from haechi.privileged import Privileged, Right


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The signed end of a run's chain of evidence."""

    sequence: int
    head: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Meta:
    """Which run this is. ``verified`` is what checking its chain said, or nothing where it was not checked."""

    site: str
    title: str
    run: str
    at: datetime
    policy_sha256: str
    catalogue_version: str
    checkpoint: Checkpoint | None = None
    verified: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """An evidence record: its place in the run's chain, and the hash by which the next one names it."""

    kind: str
    sequence: int
    at: datetime
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One verdict: a control on a host, or on the site. ``record`` is the evidence record it stands in."""

    control: str
    subject: str
    status: Status
    seen: str
    expected: str
    waiver: str | None = None
    record: Record | None = None


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """An exception as the run's policy words it."""

    id: str
    control: str
    hosts: tuple[str, ...]
    reason: str
    owner: str
    approver: str
    until: date


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """What an earlier run counted."""

    at: datetime
    run: str
    counts: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A run as it was read from the store. ``records`` are those of each subject that its verdicts rest on.

    ``privileged`` are the identities of power; of the hosts in ``unread`` nobody knows who has it. ``matrix`` is what
    became of every pair of zones, None where nobody tried; ``idle`` are flows that nothing used for long.
    """

    meta: Meta
    expected: tuple[str, ...]
    observed: tuple[str, ...]
    rows: tuple[Row, ...]
    waivers: tuple[Waiver, ...] = ()
    records: Mapping[str, tuple[Record, ...]]
    earlier: tuple[Earlier, ...] = ()
    privileged: tuple[Privileged, ...] = ()
    unread: tuple[str, ...] = ()
    matrix: Matrix | None = None
    idle: tuple[Idle, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many verdicts there are of each kind."""

    counts: Mapping[Status, int]

    @property
    def total(self) -> int:
        """Return how many verdicts there are."""
        return sum(self.counts.values())

    @property
    def judged(self) -> int:
        """Return how many a machine had to decide: all but manual and not applicable."""
        return sum(self.counts[status] for status in (Status.PASS, Status.FAIL, Status.UNKNOWN, Status.WAIVED))

    @property
    def rate(self) -> float | None:
        """Return the passed share of those in percent; unknown and waived count as not passed."""
        return 100 * self.counts[Status.PASS] / self.judged if self.judged else None

    @property
    def open(self) -> int:
        """Return how many need somebody to act."""
        return self.counts[Status.FAIL] + self.counts[Status.UNKNOWN]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Subjects of which a control said the very same."""

    status: Status
    seen: str
    expected: str
    waiver: str | None
    subjects: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ControlView:
    """A control with all that was said of it; no groups where this run did not judge it."""

    control: Control
    known: bool
    articles: tuple[Article, ...]
    groups: tuple[Group, ...]
    tally: Tally
    worst: Status | None


@dataclass(frozen=True, kw_only=True)
class HostView:
    """A host, or the site as a whole, with its verdicts."""

    name: str
    observed: bool
    rows: tuple[Row, ...]
    tally: Tally


class Coverage(StrEnum):
    """Who answers for an article."""

    MACHINE = "machine"
    PERSON = "person"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class ArticleView:
    """An article with the controls that serve it and what they said together (nothing, if none was judged)."""

    article: Article
    controls: tuple[Control, ...]
    coverage: Coverage
    status: Status | None


@dataclass(frozen=True, kw_only=True)
class Framework:
    """A law, notice or standard, article by article."""

    name: str
    articles: tuple[ArticleView, ...]
    covered: Mapping[Coverage, int]
    standing: Mapping[Status, int]


@dataclass(frozen=True, kw_only=True)
class WaiverView:
    """A waiver on the day of the run: the days it still holds (negative when lapsed), and the verdicts it covers."""

    waiver: Waiver
    days: int
    used: int


@dataclass(frozen=True, kw_only=True)
class Holder:
    """An identity of power on all hosts where it has the same rights.

    ``last`` is the day of its last login on any of them, None for none on record; ``recorded`` tells whether the record
    of all of them could be read.
    """

    account: str
    kind: str
    owner: str
    rights: tuple[Right, ...]
    hosts: tuple[str, ...]
    last: date | None
    recorded: bool


@dataclass(frozen=True, kw_only=True)
class Point:
    """One run in the trend."""

    at: datetime
    run: str
    tally: Tally


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that the page, the sheet and OSCAL are made of."""

    stored: Stored
    tally: Tally
    missing: tuple[str, ...]
    hosts: tuple[HostView, ...]
    controls: tuple[ControlView, ...]
    frameworks: tuple[Framework, ...]
    waivers: tuple[WaiverView, ...]
    trend: tuple[Point, ...]
    holders: tuple[Holder, ...]

    @property
    def meta(self) -> Meta:
        """Return which run this is."""
        return self.stored.meta

    @property
    def judged_controls(self) -> int:
        """Return of how many controls this run says anything."""
        return sum(bool(view.groups) for view in self.controls)
