"""JSON for programs: everything the pages show, under /api/v1; server-sent events; numbers for Prometheus."""
