"""Attempts from this host at others: what answers, what refuses, and what stays silent."""
