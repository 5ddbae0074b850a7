"""Per revocation a signed bundle that anybody can verify, and a page for the personnel file.

Layout under the state folder of a site::

    hr/runs/<revocation>/<nonce>.json        what a run showed, kept before the ledger says so
    hr/bundles/<revocation>-<person>.json    the bundle: an in-toto statement in a DSSE envelope, and its time stamp
    hr/bundles/<revocation>-<person>.html    its page

A person is named by the id of policy, and nobody else is named but those who signed that a host is gone.
"""

from __future__ import annotations


class ProofError(Exception):
    """A bundle cannot be made, read or believed; the text says why and how to mend it."""
