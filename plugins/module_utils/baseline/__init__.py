"""The operating system's part of the baseline: observe, plan, apply."""
