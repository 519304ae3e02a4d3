"""What the services share: settings, words, the message, the queue, the document of the API.

The services never import each other; they meet here, in the database and on the broker.
"""
