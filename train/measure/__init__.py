"""What a model costs: misses and false alarms per hour, on clips and on streams."""
