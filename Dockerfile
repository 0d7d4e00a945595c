# Training without a desktop; docs/docker.md says how to run it.
#   docker build -t mlagents-tf .
#   docker build -t mlagents-tf:gpu --build-arg VARIANT=gpu .
FROM python:3.12-slim-bookworm

ARG VARIANT=cpu
ENV PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    HOME=/tmp

# The dependencies, in a layer that only a change of setup.py makes anew. There is no source yet, so
# this installs an empty package. Versions are bounded in setup.py.
WORKDIR /src
COPY setup.py pyproject.toml ./
# hadolint ignore=DL3013
RUN case "$VARIANT" in \
        cpu) extras=onnx,tensorboard ;; \
        gpu) extras=gpu,onnx,tensorboard ;; \
        *) echo "VARIANT is '$VARIANT'; give cpu or gpu." >&2; exit 2 ;; \
    esac \
    && touch README.md \
    && pip install ".[$extras]"

COPY README.md LICENSE ./
COPY mlagents_tf mlagents_tf
RUN pip install --no-deps --force-reinstall . \
    && mlagents-tf --version

# Configurations and demonstrations lie where relative paths begin; so do results, in a volume.
WORKDIR /work
COPY config config
COPY demos demos
RUN useradd --uid 1000 --no-create-home trainer \
    && mkdir results \
    && chown trainer results
USER 1000
VOLUME /work/results

# Unity players call the trainer here.
EXPOSE 5004 5005
STOPSIGNAL SIGTERM
ENTRYPOINT ["mlagents-tf"]
CMD ["--help"]
