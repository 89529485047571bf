# The environment is built in the first stage, without what the service never uses (deploy/image); the second takes it
# over without pip's caches and build tools.
FROM python:3.11-slim AS environment
RUN apt-get update -q && apt-get install -q --yes --no-install-recommends binutils postgresql-client
COPY requirements-scale.lock deploy/image/ /build/
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check --require-hashes -r /build/requirements-scale.lock \
 && /opt/venv/bin/python -m pip uninstall --yes --quiet pip setuptools \
 && /opt/venv/bin/python /build/slim.py delete /build/unneeded.txt /opt/venv/lib/python3.11/site-packages \
 && cd /opt/venv/lib/python3.11/site-packages \
 && strip --strip-unneeded pyarrow/*.so* cryptography/hazmat/bindings/*.so pydantic_core/*.so \
    sqlalchemy/*/*.so wrapt/*.so rpds/*.so
WORKDIR /app
COPY . .
# Imports all that it compiles, so that a package that lacks something fails here.
RUN rm -rf deploy && /opt/venv/bin/python /build/slim.py compile
# pg_dump and what goes with it, without the wrappers in Perl; for backups of PostgreSQL.
RUN mkdir /build/bin && cp /usr/lib/postgresql/*/bin/pg_dump /usr/lib/postgresql/*/bin/pg_restore /usr/lib/postgresql/*/bin/psql /build/bin/

FROM python:3.11-slim
RUN apt-get update -q \
 && apt-get install -q --yes --no-install-recommends libpq5 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/log/apt /var/log/dpkg.log \
 # Nobody changes the user in here.
 && find / -xdev -perm /6000 -type f -exec chmod a-s {} + \
 && useradd --uid 10001 --create-home --shell /usr/sbin/nologin lizenztool
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LIZENZTOOL_HOST=0.0.0.0
COPY --from=environment /build/bin /usr/local/bin
COPY --from=environment /opt/venv /opt/venv
COPY --from=environment /app /app
WORKDIR /app
# The code belongs to root and cannot be changed by the service; only these folders are its own to write.
RUN mkdir data logs profiles certs \
 && chown lizenztool: data logs profiles certs \
 && chmod 700 data logs profiles certs
# By number, so that Kubernetes can see that it is not root.
USER 10001
VOLUME ["/app/data", "/app/logs", "/app/profiles", "/app/certs"]
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/health/ready', timeout=4)"]
CMD ["python", "app.py"]
