"""HR says that somebody left, and it happens: durable, authenticated, proven.

One way, each part knows only those before it:

    sources    what the outside sends, verified and read: SCIM, security events, webhooks, rosters (pure)
    inbox      accepted envelopes, committed before anybody is answered
    receive    the listener in the dmz: holds no SSH key and can only append to the inbox
    ledger     what was asked, and how far it is on every host: the truth
    engine     wakes whoever works: the ledger's own loop, or Procrastinate among several controllers
    work       pulls the inbox, verifies again, decides, and runs the one offboarding there is
    proof      the signed bundle of a revocation, and its page for the personnel file
    status     what people look at: the page, the metrics, the alerts

Facts and choices: RFC 7643/7644 (SCIM), 8417 (SET), 8935/8936 (push and poll), 9967 (provisioning events), CAEP and
RISC of the OpenID Foundation.
"""
