#!/bin/bash
# The first process of a build's container. The gateway listens on 127.0.0.1 of the host; here the same address and port
# lead to it, so that one endpoint, and one registry name, is good inside and outside.
#   PUSHPROOF_PORT      the gateway's port
#   PUSHPROOF_GATEWAY   the host's address on this network
#   PUSHPROOF_INSECURE  registries to speak HTTP with, separated by spaces
#   PUSHPROOF_MIRROR    the mirror of the host's images, with its port; its name is a secret of the world
#   PUSHPROOF_DOCKER    1 when the build is privileged and gets a Docker daemon of its own
#   PUSHPROOF_SH        what sh is: dash, as on AWS's Ubuntu images, or bash, as on its Amazon Linux images
set -u

ln -sf "${PUSHPROOF_SH:-dash}" /bin/sh

forward() {
  socat "TCP4-LISTEN:$1,bind=127.0.0.1,fork,reuseaddr,backlog=128" "TCP4:$PUSHPROOF_GATEWAY:$PUSHPROOF_PORT" &
}

# A container that is not really privileged sees cgroup v1 read-only, and dockerd needs to make groups of its own.
own_cgroups() {
  [ -w /sys/fs/cgroup/memory ] && mkdir /sys/fs/cgroup/memory/probe 2>/dev/null && rmdir /sys/fs/cgroup/memory/probe && return
  [ -f /sys/fs/cgroup/cgroup.controllers ] && return
  umount -R /sys/fs/cgroup && mount -t tmpfs tmpfs /sys/fs/cgroup || return
  local controllers
  while IFS=: read -r _ controllers _; do
    [ -n "$controllers" ] && [ "${controllers#name=}" = "$controllers" ] || continue
    mkdir -p "/sys/fs/cgroup/$controllers" && mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$controllers"
  done < /proc/self/cgroup
}

forward "$PUSHPROOF_PORT"
[ "$PUSHPROOF_PORT" = 80 ] || forward 80

if [ "${PUSHPROOF_DOCKER:-}" = 1 ]; then
  own_cgroups > /var/log/cgroups.log 2>&1
  # In a file: arguments are shown to every user of the machine, and the mirror's name is a secret.
  mkdir -p /etc/docker
  (umask 077 && printf '{"storage-driver": "overlay2", "registry-mirrors": ["http://%s"], "insecure-registries": [%s]}\n' \
    "$PUSHPROOF_MIRROR" "$(for registry in $PUSHPROOF_INSECURE; do printf '"http://%s" ' "$registry"; done | sed 's/ *$//; s/ /, /g')" \
    > /etc/docker/daemon.json)
  # With the scheme: dockerd warns about it and goes without, but BuildKit speaks plain HTTP only where it says so.
  dockerd > /var/log/dockerd.log 2>&1 &
  daemon=$!
  until docker version > /dev/null 2>&1; do
    kill -0 "$daemon" 2>/dev/null || { touch /codebuild/failed; break; }
    sleep 0.05
  done
fi
touch /codebuild/ready
exec sleep infinity
