"""The append-only record of a run: record types, writer, reader, redaction."""
