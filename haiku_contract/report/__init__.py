"""What people and programs read after a run: one module per format, all from the same events."""
