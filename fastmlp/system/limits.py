"""What no machine has more of. Nothing heavy is imported here: the command line needs it before it does anything."""

MOST_THREADS = 1024  # far beyond any machine's cores, and what a system still starts
