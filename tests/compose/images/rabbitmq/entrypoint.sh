#!/bin/sh
# guest may come from anywhere, as in the official image; RABBITMQ_DEFAULT_* are the broker's own.
set -eu
[ "${1:-}" = rabbitmq-server ] || exec "$@"
mkdir -p /etc/rabbitmq/conf.d
echo 'loopback_users = none' >/etc/rabbitmq/conf.d/10-defaults.conf
echo 'log.console = true' >>/etc/rabbitmq/conf.d/10-defaults.conf
chown -R rabbitmq:rabbitmq /var/lib/rabbitmq
export RABBITMQ_LOGS=- HOME=/var/lib/rabbitmq
exec setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups /usr/lib/rabbitmq/bin/rabbitmq-server
