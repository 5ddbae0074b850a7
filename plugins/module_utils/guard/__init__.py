"""The guarded change: nobody is locked out, whatever happens in the middle."""
