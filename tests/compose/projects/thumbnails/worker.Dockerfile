FROM python:3.11-slim
WORKDIR /app
COPY worker.py feeder.py ./
CMD ["python", "worker.py"]
