"""Reviews and sign-offs on record: read back, and only what the evidence vouches for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from haechi import runs, sshsig
from haechi.evidence import EvidenceError, answers, canonical, chain, files, keys, sitelog
from haechi.evidence.store import RECORDS
from haechi.policy.models import Policy
from haechi.policy.resolve import keys_of
from haechi.report import source
from haechi.review import NAMESPACE, ReviewError, build, document
from haechi.review.document import SignOff
from haechi.review.model import Review

REVIEW, SIGN_OFF = "review", "sign_off"
VERB = "review_accept"
# Two a quarter are made; more than these are of years ago.
NEWEST = 40


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A review on record. ``verified`` is None for a run that nobody signed the end of."""

    run: str
    review: Review
    verified: bool | None


@dataclass(frozen=True, kw_only=True)
class Held:
    """A sign-off on record, whose evidence and whose signature hold."""

    run: str
    said: SignOff
    owners: tuple[str, ...]
    key: str

    def body(self) -> dict[str, Any]:
        """Return what a judge needs of it; JSON-able."""
        words = {"run": self.run, "review": self.said.review, "sha256": self.said.sha256, "key": self.key}
        return {
            **words,
            "reviewer": self.said.reviewer,
            "date": self.said.date.isoformat(),
            "owners": list(self.owners),
            "decisions": len(self.said.decisions),
        }


def names(folder: Path, verb: str = REVIEW) -> list[str]:
    """Return the runs of a verb, oldest first."""
    path = folder / "runs"
    found = [entry.name for entry in path.iterdir() if chain.RUN.fullmatch(entry.name)] if path.is_dir() else []
    return sorted(name for name in found if f"-{verb}-" in name)


def last(folder: Path) -> str:
    """Return the newest review. Raises ``ReviewError`` where there is none."""
    found = names(folder)
    if not found:
        raise ReviewError(f"{folder}: no review is on record: run playbooks/review.yml")
    return found[-1]


def read(folder: Path, key: Ed25519PublicKey, run: str) -> Stored:
    """Return a review. Raises ``ReviewError`` or ``EvidenceError`` where there is none that can be read."""
    lines, records = run_records(folder, run)
    return Stored(run=run, review=_only(run, records), verified=source.verified(folder, run, lines, key))


def sound(folder: Path, run: str | None = None) -> Stored:
    """Return a review whose evidence holds, by default the last. Raises ``ReviewError`` or ``EvidenceError``."""
    name = run or last(folder)
    found = read(folder, keys.public_key(folder / keys.PUBLIC), name)
    if found.verified is not True:
        raise ReviewError(f"{name}: its evidence does not verify: run `haechi evidence verify`, and review again")
    return found


def again(folder: Path, run: str) -> Review:
    """Return the review made anew from what hosts answered then, the policy and the leavers of then.

    Raises ``ReviewError`` or ``EvidenceError``.
    """
    _, records = run_records(folder, run)
    try:
        begin = records[0]["body"]
        policy = source.stored_policy(folder, begin["policy"]).model_dump(mode="json", by_alias=True)
        return build.build(runs.read({**begin, "policy": policy, "state": ""}), answers.of(records))
    except (KeyError, TypeError, ValueError) as error:
        raise source.unreadable(folder, run, error) from error


def sign_offs(folder: Path) -> tuple[list[Held], list[str]]:
    """Return the newest sign-offs that hold, by date and person, and in words why others do not.

    A sign-off holds where the site's key signed its run's end, the rows on record are those that it names by their
    hash, and the person's own key, as policy had it when it was accepted, signed the document. Raises ``EvidenceError``
    where there is no key to check by.
    """
    found: list[Held] = []
    faults: list[str] = []
    accepted = names(folder, VERB)[-NEWEST:]
    if accepted:
        key, reviews = keys.public_key(folder / keys.PUBLIC), cache(partial(_review, folder))
        for run in accepted:
            try:
                found.append(_held(folder, key, run, reviews))
            except (ReviewError, EvidenceError, sshsig.SignatureError) as error:
                faults.append(f"{run}: {error}")
    return sorted(found, key=lambda one: (one.said.date, one.said.reviewer)), faults


def _held(folder: Path, key: Ed25519PublicKey, run: str, reviews: Callable[[str], Review]) -> Held:
    lines, records = run_records(folder, run)
    if source.verified(folder, run, lines, key) is not True:
        raise ReviewError("its evidence does not verify")
    try:
        (body,) = [record["body"] for record in records if record["kind"] == SIGN_OFF]
        text, signature = str(body["document"]).encode(), str(body["signature"]).encode()
        policy = source.stored_policy(folder, str(records[0]["body"]["policy"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ReviewError("it holds no sign-off that this version can read") from error
    said = document.read(text)
    if not sshsig.verified(text, signature, NAMESPACE, said.reviewer, public_keys(policy, said.reviewer)):
        raise ReviewError(f"the signature is not {said.reviewer}'s")
    review = reviews(said.review)
    if review.sha256 != said.sha256:
        raise ReviewError(f"the rows of {said.review} are not those that {said.reviewer} signed")
    key_of = sshsig.signer(text, signature, NAMESPACE)
    return Held(run=run, said=said, owners=review.owners, key=key_of)


def _review(folder: Path, run: str) -> Review:
    """Return the rows of a review. Raises ``ReviewError`` or ``EvidenceError``."""
    return _only(run, run_records(folder, run)[1])


def _only(run: str, records: Iterable[Mapping[str, Any]]) -> Review:
    bodies = [record["body"] for record in records if record["kind"] == REVIEW]
    if len(bodies) != 1:
        raise ReviewError(f"{run}: holds no review: take one of `haechi review list`")
    try:
        body = canonical.restored(bodies[0])
        return Review.model_validate_json(json.dumps(body["review"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ReviewError(f"{run}: is no review that this version can read: use the version of then") from error


def public_keys(policy: Policy, name: str) -> tuple[str, ...]:
    """Return an identity's keys in policy."""
    return next((keys_of(policy, one) for one in policy.identities if one.id == name), ())


def run_records(folder: Path, run: str) -> tuple[list[bytes], list[dict[str, Any]]]:
    """Return the lines of a run, and its records. Raises ``ReviewError`` or ``EvidenceError``."""
    if not chain.RUN.fullmatch(run):
        raise ReviewError(f"{run!r} is no name of a run: take one of `haechi review list`")
    path = folder / "runs" / run / RECORDS
    lines = sitelog.split(files.read(path))
    records = [record for line in lines if (record := chain.parse(line))]
    if not records:
        raise ReviewError(f"{path}: holds no record")
    return lines, records
