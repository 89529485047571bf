# The environment is built in the first stage; the second takes it over without pip's caches and build tools.
FROM python:3.11-slim AS environment
COPY requirements.lock ./
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock \
 && /opt/venv/bin/python -m pip uninstall --yes --quiet pip setuptools

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin lizenztool
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LIZENZTOOL_HOST=0.0.0.0
COPY --from=environment /opt/venv /opt/venv
WORKDIR /app
COPY . .
# The code belongs to root and cannot be changed by the service; only these two folders are its own to write.
RUN python -m compileall -q app.py dashboard.py core web ui pages simulator \
 && mkdir data logs profiles certs \
 && chown lizenztool: data logs certs \
 && chmod 700 data logs certs
USER lizenztool
VOLUME ["/app/data", "/app/logs", "/app/profiles", "/app/certs"]
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/health/ready', timeout=4)"]
CMD ["python", "app.py"]
