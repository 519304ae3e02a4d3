"""The worker: takes tasks from the queue, simulates their circuits, stores the counts."""
