#!/bin/sh
# As in the official image: options alone are options of redis-server, and anybody may connect.
set -eu
case "${1:-}" in
-* | *.conf) set -- redis-server "$@" ;;
esac
[ "$1" = redis-server ] && set -- "$@" --protected-mode no
exec "$@"
