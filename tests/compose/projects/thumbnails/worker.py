"""Takes images from the queue, one at a time."""

import os

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
channel = connection.channel()
channel.basic_qos(prefetch_count=1)
for method, _, body in channel.consume("thumbnails"):
    print(f"thumbnail of {body.decode()}", flush=True)
    channel.basic_ack(method.delivery_tag)
