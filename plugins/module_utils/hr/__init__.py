"""What the control node asks of the host that listens to HR."""
