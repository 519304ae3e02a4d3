"""One folder a technology, made of facets; `base` says what a kind is."""
