"""Judging: signals, rules, policy, assessment. Pure: no Flask, SQL, Celery, environment or clock."""
