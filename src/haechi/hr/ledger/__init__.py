"""What was asked, and how far it is on every host: SQLAlchemy Core over SQLite or PostgreSQL, one schema for both."""
