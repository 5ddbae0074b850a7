"""fwupd on a host that is hardware: made what policy says, looked at, and asked to install in a window."""
