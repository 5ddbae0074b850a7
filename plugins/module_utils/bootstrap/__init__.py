"""Making the automation account on a host that has nothing but a login."""
