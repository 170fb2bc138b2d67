# Docker's daemon and client, git and the AWS CLI on Debian: what changes seldom.
# The base is either a root file system that was made with these packages already, or debian:bookworm-slim.
ARG BASE
FROM ${BASE}
ARG PACKAGES
RUN if [ -n "$PACKAGES" ]; then \
      export DEBIAN_FRONTEND=noninteractive && apt-get update -q && \
      apt-get install -qy --no-install-recommends $PACKAGES && rm -rf /var/lib/apt/lists/*; \
    fi
COPY awscli /opt/awscli
RUN python3 -m compileall -q /opt/awscli
