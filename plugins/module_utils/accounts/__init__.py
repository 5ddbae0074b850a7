"""Accounts of one host: seen, planned, applied, and ended."""
