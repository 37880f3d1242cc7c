"""What fastmlp needs of the operating system.

atomic_files   files that are there as a whole or not at all
cache_folder   where fastmlp keeps files of its own
user_warnings  warnings that point at the user's line
"""
