"""PostgreSQL lives here: connections, the schema, the work queue, the embedded server."""
