"""What the outside sends, verified and read. Pure: the receiver and the worker call the very same functions."""
