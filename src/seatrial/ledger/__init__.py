"""What trials create: written down before, and found again and removed after a crash."""
