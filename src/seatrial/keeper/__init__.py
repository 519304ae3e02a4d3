"""The one owner of a deployment: its processes, states, leases and locks; and the client to it."""
