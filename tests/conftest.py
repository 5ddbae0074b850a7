"""How thorough the tests with made-up input are: `make check` tries a few examples, `make test` all of them.

Each profile holds for every such test (https://hypothesis.readthedocs.io, "settings profiles").
"""

from __future__ import annotations

import gc

from hypothesis import HealthCheck, settings

# A fixture of the function is reused by all of a test's examples: a folder that they write in turn.
FIXTURES = [HealthCheck.function_scoped_fixture]

settings.register_profile("thorough", max_examples=80, deadline=None, suppress_health_check=FIXTURES)
settings.register_profile("quick", settings.get_profile("thorough"), max_examples=8)
settings.load_profile("thorough")

# Python looks for cycles at every 700 new objects, a tenth of the work; thousands of tests make little garbage.
gc.set_threshold(50_000, 20, 20)
