# syntax=docker/dockerfile:1

# By the digest of 1 September 2026 that the image's makers have published (docker-library/repo-info), so that two builds are
# the same. It ages: for today's image with its security fixes, --build-arg PYTHON=python:3.13-slim
ARG PYTHON=python:3.13.15-slim@sha256:881d80734ee05dca6f7f42dcb080975652a53c7eda9ba1f03bb8da31aa6a6ec2
FROM $PYTHON AS build
WORKDIR /src
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY bot ./bot
RUN pip install --no-cache-dir --constraint constraints.txt '.[postgres,stats]'

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
