"""How a host hears by itself who left: fetch, check, hold, deny, and refuse people while the list is stale."""
