#!/bin/sh
# Starts Valkey with the users of users.acl; the password of `onsale` comes from the environment and is kept as its hash.
# VALKEY_CLUSTER=yes: as a node of a cluster, with users of their own for replicas and for the program that forms it.
set -eu
umask 077
: "${REDIS_PASSWORD:?the password of the user onsale}"
case $REDIS_PASSWORD in *change-me*) echo "REDIS_PASSWORD is an example: onsale secrets makes others" >&2; exit 1 ;; esac
hash=$(printf %s "$REDIS_PASSWORD" | sha256sum | cut -d ' ' -f 1)
mkdir -p /run/valkey
sed "s/PASSWORD_SHA256/$hash/" /etc/onsale/users.acl > /run/valkey/users.acl
if [ "${VALKEY_CLUSTER:-no}" != yes ]; then
  exec valkey-server /etc/onsale/valkey.conf
fi
sed "s/PASSWORD_SHA256/$hash/" /etc/onsale/users.cluster.acl >> /run/valkey/users.acl
printf 'primaryauth %s\n' "$REDIS_PASSWORD" > /run/valkey/replica.conf
exec valkey-server /etc/onsale/cluster.conf
