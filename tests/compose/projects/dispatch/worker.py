"""Works on orders; what it cannot work on is rejected."""

from broker import open_channel

channel = open_channel()
for method, _, body in channel.consume("orders"):
    if body.startswith(b"{"):
        channel.basic_ack(method.delivery_tag)
    else:
        channel.basic_reject(method.delivery_tag, requeue=False)
