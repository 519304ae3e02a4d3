"""Where a system runs: brings it up or attaches to it, and offers one `Deployment` for all."""
