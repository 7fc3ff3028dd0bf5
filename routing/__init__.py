"""Where a task runs and what it may cost; knows nothing of the service."""
