"""A review in words for the screen. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from haechi.review.model import NOT_SEEN, Difference, Review, Row

SHOWN = 60


def lines(review: Review) -> list[str]:
    """Return what differs and what was not seen, one line each, then the counts and the digest."""
    found = [*_unseen(review), *(line(row, one) for row, one in _by_state(review))]
    more = [f"  ... and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return [*found[:SHOWN], *more, f"  {counts(review)}", f"  sha256 {review.sha256}"]


def counts(review: Review) -> str:
    """Return how much a review holds, in one line."""
    people = {row.account for row in review.rows}
    differences = [one for _, one in review.differences()]
    waived = sum(one.waiver is not None for one in differences)
    told = f"{len(differences)} differences ({waived} explained by a waiver)"
    return f"{len(review.hosts)} hosts, {len(people)} accounts, {len(review.rows)} rows: {told}"


def line(row: Row, one: Difference) -> str:
    """Return a difference as a person reads it."""
    waiver = f" (waiver {one.waiver})" if one.waiver else ""
    what = one.item if one.kind == NOT_SEEN else f"{one.what} {one.item}"
    return f"  {one.kind.upper():8} {one.id} {row.account} on {row.host}: {what}{waiver}"


def complaint(review: Review) -> str:
    """Return in one sentence why a review ends with an error; empty where nothing is open."""
    blind = [host for host, sections in review.unseen.items() if "host" in sections]
    unseen = ", ".join((*review.left_out, *blind))
    if unseen:
        return f"not seen: {unseen}: this review cannot be signed; run it again when every host answers"
    number = len([*review.open()])
    return f"{number} open difference(s): mend them, or decide on each when you sign the review" if number else ""


def _unseen(review: Review) -> Iterator[str]:
    for host in review.left_out:
        yield f"  UNKNOWN  {host}: was not asked"
    for host, sections in review.unseen.items():
        for section, why in sections.items():
            yield f"  UNKNOWN  {host}: {'' if section == 'host' or why.startswith(section) else section + ': '}{why}"


def _by_state(review: Review) -> list[tuple[Row, Difference]]:
    """Return the differences, open ones first; of a host that nobody saw one line is enough."""
    rows = [(row, one) for row, one in review.differences() if one.what != "host"]
    return sorted(rows, key=lambda pair: pair[1].waiver is not None)
