"""The fleet bench: how fast somebody is put out of many hosts at once, measured on machines made for it."""
