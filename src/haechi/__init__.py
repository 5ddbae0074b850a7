"""Haechi: policy in, proof out."""

__version__ = "0.1.0"
