"""seatrial.yaml -> located tree -> frozen models; every error names file, line and key."""
