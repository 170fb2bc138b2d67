# `pushproof serve` in a container: an emulated AWS account for tests in any language (docs/container.md).
#
#   docker build --tag pushproof/pushproof .         with access to a registry, Debian's mirrors and the Python package index
#   python scripts/image.py                          without a registry: on Debian packages, with packages fetched by this machine
#
# BASE is a Debian or Ubuntu with Python 3.11 or later, its module venv, and perhaps git.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
COPY . /source
# The lock's versions are constraints: the lock itself has development tools too. Where `wheels` holds the packages, no network is
# needed. The AWS CLI is for init scripts.
RUN python3 -m venv /opt/pushproof \
    && sed -nE 's/^([A-Za-z0-9._-]+==[^ \\]+( *;[^\\]*)?).*/\1/p' /source/requirements.lock > /tmp/constraints.txt \
    && if [ -d /source/wheels ]; then set -- --no-index --find-links /source/wheels pushproof; else set -- /source; fi \
    && /opt/pushproof/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
        --constraint /tmp/constraints.txt "$@" awscli \
    && rm -rf /opt/pushproof/lib/python3*/site-packages/awscli/examples

FROM ${BASE}
RUN command -v git >/dev/null || { apt-get update -q \
    && apt-get install -qy --no-install-recommends git ca-certificates && rm -rf /var/lib/apt/lists/*; }
COPY --from=build /opt/pushproof /opt/pushproof
COPY docker/serve/healthy /usr/local/bin/healthy
RUN chmod 0755 /usr/local/bin/healthy \
    && useradd --uid 10001 --user-group --create-home pushproof \
    && install -d -o pushproof -g pushproof -m 0700 /var/lib/pushproof \
    && install -d -m 0755 /etc/pushproof/init.d
ENV PATH=/opt/pushproof/bin:$PATH \
    PUSHPROOF_STATE=/var/lib/pushproof \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /home/pushproof
EXPOSE 4567
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 CMD ["healthy"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["pushproof"]
# Outside, publish the port on 127.0.0.1 only, under the same number: --publish 127.0.0.1:4567:4567.
CMD ["serve", "--in-container", "--task-runtime", "scripted"]
