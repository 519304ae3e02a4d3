"""Looks at every component and every expectation at once, and folds the faults to root causes."""
