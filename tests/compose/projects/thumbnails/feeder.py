"""Publishes an image every now and then."""

import itertools
import os

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
channel = connection.channel()
for number in itertools.count():
    channel.basic_publish("images", "image.new", f"{number}.png".encode())
    connection.sleep(2)
