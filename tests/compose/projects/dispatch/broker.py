"""The queues, as API and worker declare them."""

import os

import pika


def open_channel():
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["BROKER_URL"]))
    channel = connection.channel()
    channel.exchange_declare("orders.dlx", "direct", durable=True)
    channel.queue_declare(
        "orders", durable=True, arguments={"x-dead-letter-exchange": "orders.dlx"}
    )
    return channel
