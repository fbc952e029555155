# The exact tested packages, on a CPU; `docker build -t chtn .`, then
#   docker run --rm -v "$PWD:/data" chtn chtn demo
FROM python:3.11-slim
# What OpenCV opens when it is imported.
RUN apt-get update && apt-get install --yes --no-install-recommends \
        libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/chtn
COPY . .
RUN CHTN_VENV=/opt/env bash tools/make_env.sh encoders,serve,report,methods
ENV PATH=/opt/env/bin:$PATH
WORKDIR /data
CMD ["chtn", "--help"]
