"""From accepted envelopes to proven revocations: pull, verify again, decide, carry out. Holds no listener."""
