# The image of all of Onsale's processes; which one runs is the command. It has no servers: `onsale dev` is not for it.
FROM python:3.13-slim AS build
RUN python -m venv /opt/onsale
WORKDIR /src
COPY requirements/ requirements/
RUN /opt/onsale/bin/pip install --no-cache-dir --require-hashes -r requirements/server.txt \
    && /opt/onsale/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md ./
COPY engine/ engine/
COPY lua/ lua/
COPY sync/ sync/
COPY payments/ payments/
COPY api/ api/
COPY cli/ cli/
RUN /opt/onsale/bin/pip install --no-cache-dir --no-build-isolation --no-deps .

FROM build AS rehearsal
RUN /opt/onsale/bin/pip install --no-cache-dir --require-hashes -r requirements/loadtest.txt
COPY loadtest/ loadtest/
ENV PATH=/opt/onsale/bin:$PATH PYTHONPATH=/src
CMD ["onsale", "loadtest", "--headless"]

FROM python:3.13-slim AS production
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/onsale onsale
COPY --from=build /opt/onsale /opt/onsale
ENV PATH=/opt/onsale/bin:$PATH PYTHONUNBUFFERED=1
USER onsale
WORKDIR /var/lib/onsale
EXPOSE 8080
# Of the API. A process without a port says by ending that it is not well.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
CMD ["onsale", "serve", "--host", "0.0.0.0", "--port", "8080", "--workers", "2"]
