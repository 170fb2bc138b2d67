ARG PYTHON=python:3.13-slim
FROM ${PYTHON}
COPY src/ /opt/worker/
CMD ["python3", "/opt/worker/work.py"]
