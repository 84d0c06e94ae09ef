# syntax=docker/dockerfile:1
# The daemon in a container: docker build -t speech-commands-app .
#   --build-arg MODEL=commands-10   a bundled model, or a model file in this folder
#   --build-arg ENGINE=torch        with PyTorch too, and `model.engine: torch`
#   --build-arg TRAIN=quick         train one instead, on data/ or else on Speech Commands (2.4 GB)
#   --build-arg CLASSES=left,right  what to train; or the outputs of a bare model_state_dict.pt
#   --build-arg TORCH_INDEX=URL     another index of torch's CPU builds
# For x86-64 and arm64; BASE can be any Debian with Python 3.11 to 3.14.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS builder
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends binutils libportaudio2 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
ENV PATH=/opt/kws/bin:$PATH PIP_NO_CACHE_DIR=1
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu ENGINE=onnx
# First what kws needs, which changes seldom, then kws.
COPY pyproject.toml ./
COPY requirements requirements
COPY scripts/setup scripts/setup
RUN ENGINE="$ENGINE" KWS_TORCH_INDEX="$TORCH_INDEX" scripts/setup image
COPY README.md LICENSE config.yaml ./
COPY systemd systemd
COPY kws kws
RUN ENGINE="$ENGINE" KWS_TORCH_INDEX="$TORCH_INDEX" scripts/setup image

FROM builder AS model
COPY train train
COPY container/choose-model container/choose-model
ARG MODEL= TRAIN= CLASSES=
RUN --mount=type=bind,target=/context --mount=type=cache,target=/var/cache/kws \
    KWS_TORCH_INDEX="$TORCH_INDEX" container/choose-model /context

FROM builder AS slim
COPY container/drop-unused container/drop-unused
RUN container/drop-unused

FROM ${BASE} AS runtime
LABEL org.opencontainers.image.title="kws" \
      org.opencontainers.image.description="A real-time keyword spotter" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# Of ALSA's plugins only PulseAudio's: the package itself would bring 200 MB of video codecs. pactl
# lists the server's sources.
WORKDIR /tmp
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libportaudio2 libpulse0 \
    && apt-get download libasound2-plugins pulseaudio-utils \
    && dpkg --fsys-tarfile libasound2-plugins_*.deb | tar -x -C / --wildcards '*pulse*' \
    && dpkg --fsys-tarfile pulseaudio-utils_*.deb | tar -x -C / ./usr/bin/pactl \
    && rm -rf libasound2-plugins_*.deb pulseaudio-utils_*.deb /var/lib/apt/lists/* /var/cache/apt/* \
    && useradd --uid 10001 --no-create-home --home-dir /nonexistent --groups audio kws \
    && install -d -m 700 -o 10001 -g 10001 /var/lib/kws
COPY --from=slim /opt/kws /opt/kws
COPY --from=model /etc/kws /etc/kws
COPY container/entrypoint.py container/healthy.py /opt/kws/container/
# All interfaces, in here only: what of it others reach, `docker run -p` says. /dev/shm can be written
# even where the root cannot.
ARG ENGINE=onnx
ENV PATH=/opt/kws/bin:$PATH \
    KWS_SERVER__HOST=0.0.0.0 \
    KWS_DEFAULT__AUDIO__SOURCE=auto \
    KWS_DEFAULT__MODEL__ENGINE=$ENGINE \
    KWS_DEFAULT__STATE__FOLDER=/var/lib/kws \
    TMPDIR=/dev/shm \
    PULSE_SERVER=unix:/run/pulse/native
USER 10001
WORKDIR /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
    CMD ["python", "-I", "/opt/kws/container/healthy.py"]
ENTRYPOINT ["python", "/opt/kws/container/entrypoint.py"]
CMD ["run"]
