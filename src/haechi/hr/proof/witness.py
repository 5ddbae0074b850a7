"""Keeps what runs showed, and writes the bundle of a revocation: `haechi.hr.work.ports.Witness`."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from haechi.evidence import EvidenceError, checkpoint, files, keys
from haechi.evidence.store import CHECKPOINT, Store
from haechi.hr.ledger import Ledger, views
from haechi.hr.ledger.views import RevocationView
from haechi.hr.proof import ProofError, bundle, page, statement
from haechi.hr.proof.statement import About, Run
from haechi.hr.work.order import Order, Outcome
from haechi.hr.work.ports import WitnessError

SCHEMA = 1
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, kw_only=True)
class Bundles:
    """The bundles of a site. ``state`` is its state folder, ``authority`` the URL of a time-stamping authority."""

    site: str
    state: Path
    ledger: Ledger
    authority: str | None = None

    def ran(self, revocation: int, order: Order, outcome: Outcome) -> None:
        """Keep what a run showed, durably. Raises ``WitnessError``."""
        names = {"schema": SCHEMA, "revocation": revocation, "nonce": order.nonce, "person": order.person}
        seen = {host: result.seen for host, result in outcome.hosts.items()}
        document = names | {"asked": list(order.hosts), "seen": seen, "fault": outcome.fault}
        try:
            folder = self._runs(revocation)
            files.folder(folder)
            # As text: what a host said need not have a canonical form.
            text = json.dumps(document | {"record": outcome.document}, ensure_ascii=False, sort_keys=True)
            files.swap(folder / f"{order.nonce}.json", f"{text}\n".encode(errors="surrogatepass"))
        except EvidenceError as error:
            raise WitnessError(str(error)) from error

    def closed(self, revocation: RevocationView) -> None:
        """Write bundle and page; raises ``WitnessError``, also while a time-stamping authority does not answer."""
        try:
            self.write(revocation)
        except (EvidenceError, ProofError) as error:
            raise WitnessError(str(error)) from error

    def write(self, revocation: RevocationView) -> Path:
        """Write the bundle of a revocation as it stands, open ones too, and return its file.

        It is there before it is stamped: an authority that is away takes nothing from it.
        Raises ``EvidenceError``, ``LedgerError`` and, where no stamp could be had, ``ProofError``.
        """
        key = keys.signing_key(Store(self.state).path)
        made = bundle.sign(key, statement.statement(self._about(revocation)))
        path = self.path(revocation)
        files.folder(path.parent)
        self._put(path, made)
        if self.authority is not None:
            self._put(path, bundle.stamped(made, self.authority))
        return path

    def path(self, revocation: RevocationView) -> Path:
        """Return where the bundle of a revocation is."""
        return self.state / "hr/bundles" / f"{revocation.number:06}-{revocation.person}.json"

    def _put(self, path: Path, made: dict[str, object]) -> None:
        data = bundle.text(made)
        key = keys.public_key(Store(self.state).path / keys.PUBLIC)
        files.swap(path, data)
        files.swap(path.with_suffix(".html"), page.render(bundle.verify(data, key), path.name).encode())

    def _about(self, revocation: RevocationView) -> About:
        event = None if revocation.event is None else self.ledger.read(views.event, revocation.event)
        runs = tuple(self._found(revocation.number, statement.nonces(revocation.hosts)))
        return About(site=self.site, revocation=revocation, event=event, runs=runs, made=datetime.now(UTC))

    def _found(self, revocation: int, nonces: Iterable[str]) -> Iterable[Run]:
        """Yield the runs of some nonces whose record is here: another controller has its own."""
        for nonce in sorted(nonces):
            path = self._runs(revocation) / f"{nonce}.json"
            if not _NAME.fullmatch(nonce) or not path.is_file():
                continue
            data = files.read(path)
            run = Run(nonce=nonce, sha256=hashlib.sha256(data).hexdigest())
            yield self._with_evidence(run, _evidence(data))

    def _with_evidence(self, run: Run, name: str) -> Run:
        store = Store(self.state)
        path = store.path / "runs" / name / CHECKPOINT
        if not _NAME.fullmatch(name) or not path.is_file():
            return run
        point = checkpoint.trusted(files.read(path), keys.public_key(store.path / keys.PUBLIC))
        if point is None:
            return run
        return Run(nonce=run.nonce, sha256=run.sha256, evidence=name, checkpoint=point.number, policy=point.policy)

    def _runs(self, revocation: int) -> Path:
        return self.state / "hr/runs" / str(revocation)


def _evidence(record: bytes) -> str:
    """Return which run of the evidence a record names; of one that somebody altered its digest is told all the same."""
    try:
        return str(json.loads(record)["record"].get("evidence", ""))
    except (AttributeError, KeyError, TypeError, ValueError):
        return ""
