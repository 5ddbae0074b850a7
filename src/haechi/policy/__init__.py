"""Policy: what must be true, read through one door and judged before any host is touched."""

from haechi.policy.load import Loaded, load, state_dir
from haechi.policy.problems import Problem

__all__ = ["Loaded", "Problem", "load", "state_dir"]
