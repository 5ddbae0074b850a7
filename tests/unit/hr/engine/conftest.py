"""The ledger that the engine loops over."""

from tests.unit.hr.ledger.conftest import empty, ledger

__all__ = ["empty", "ledger"]
