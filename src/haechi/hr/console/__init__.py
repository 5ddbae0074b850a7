"""What `haechi hr` does: asks of the ledger, shows it, takes what people signed, and starts the service's parts."""


class ConsoleError(Exception):
    """It is not possible here; the text says why and how to mend it."""
