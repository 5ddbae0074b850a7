"""What an errand finds in place of modules of Python that are slow to begin."""
