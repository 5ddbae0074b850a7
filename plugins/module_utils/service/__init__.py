"""A service of Haechi's own on one host: its application, its files, its units."""
