"""The database: the only place with SQL. Pages get pandas frames, the refresh gets rows."""
