"""The web page: the queue for a person, served by the API at `/`."""
