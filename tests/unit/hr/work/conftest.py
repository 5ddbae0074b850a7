"""The ledger that the worker works on."""

from tests.unit.hr.ledger.conftest import empty, ledger

__all__ = ["empty", "ledger"]
