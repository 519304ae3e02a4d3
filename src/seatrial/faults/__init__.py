"""Breaking a deployment on purpose, one fault a file, always reverted."""
