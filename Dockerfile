# syntax=docker/dockerfile:1

# By its name, because a digest goes stale. To pin it: --build-arg PYTHON=python:3.13-slim@sha256:…
ARG PYTHON=python:3.13-slim
FROM $PYTHON AS build
WORKDIR /src
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY bot ./bot
RUN pip install --no-cache-dir --constraint constraints.txt '.[postgres]'

FROM $PYTHON
# The program writes to /data alone, so the container may run with a read-only root file system.
RUN useradd --system --uid 10001 --create-home --home-dir /data recap
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER recap
WORKDIR /data
VOLUME /data
# Healthy while the bot works: its database takes writes, each platform answers, and nothing has waited for too long.
HEALTHCHECK --interval=60s --timeout=10s --start-period=30s CMD ["recap", "healthy"]
# The exec form makes the bot process 1, so that SIGTERM reaches it.
ENTRYPOINT ["recap"]
CMD ["run"]
