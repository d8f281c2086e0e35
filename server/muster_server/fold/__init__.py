"""Received reports become facts, in pure, idempotent steps. No Flask, SQL, Celery, environment or clock."""
