"""What stands between two components: a proxy for each edge of the graph, and what impairs it."""
