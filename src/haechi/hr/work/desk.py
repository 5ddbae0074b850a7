"""What people ask of the ledger once their word was checked, and the engine's job with it in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from haechi.hr.engine import Engine
from haechi.hr.ledger import Ledger, Transaction, hosts, matters, revocations


def settle(ledger: Ledger, engine: Engine, matter: int, by: Sequence[str]) -> tuple[int, ...]:
    """Settle a matter, and return the leavings that go on because of it. Raises ``LedgerError``."""
    return ledger.write(_settle, engine, matter, by)


def retire_host(ledger: Ledger, engine: Engine, host: str, by: Sequence[str], why: str) -> tuple[int, ...]:
    """End what is open on a host that is gone for good, and return the leavings. Raises ``LedgerError``."""
    return ledger.write(_retire, engine, host, by, why)


def add_hosts(ledger: Ledger, engine: Engine, named: Iterable[str]) -> tuple[int, ...]:
    """Give every leaving that is not ended the hosts that are new, and return those that gained one."""
    return ledger.write(_add, engine, tuple(named))


def retry(ledger: Ledger, engine: Engine, number: int) -> int:
    """Try every open host of a leaving at once, and return how many those are. Raises ``LedgerError``."""
    return ledger.write(_retry, engine, number)


def _settle(transaction: Transaction, engine: Engine, matter: int, by: Sequence[str]) -> tuple[int, ...]:
    return _submitted(transaction, engine, matters.close_matter(transaction, matter, by))


def _retire(transaction: Transaction, engine: Engine, host: str, by: Sequence[str], why: str) -> tuple[int, ...]:
    return _submitted(transaction, engine, revocations.retire(transaction, host, by, why))


def _add(transaction: Transaction, engine: Engine, named: tuple[str, ...]) -> tuple[int, ...]:
    return _submitted(transaction, engine, revocations.add_hosts(transaction, hosts.seen(transaction, named)))


def _retry(transaction: Transaction, engine: Engine, number: int) -> int:
    count = revocations.retry(transaction, number)
    _submitted(transaction, engine, (number,))
    return count


def _submitted(transaction: Transaction, engine: Engine, numbers: tuple[int, ...]) -> tuple[int, ...]:
    for number in numbers:
        engine.submit(transaction.connection, number)
    return numbers
