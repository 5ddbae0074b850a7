"""Per revocation a signed bundle that anybody can verify, and a page for the personnel file."""
