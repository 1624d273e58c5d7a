"""Rows: jobs, deliveries, events, images, tasks; group commit, leases, migrations."""
