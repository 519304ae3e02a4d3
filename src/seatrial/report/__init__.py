"""From evidence to reports: one frozen model, and one pure writer a file."""
