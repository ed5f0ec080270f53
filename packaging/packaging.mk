# Service files and scripts.
