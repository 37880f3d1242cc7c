"""What fastmlp needs of the operating system.

atomic_files   files that are there as a whole or not at all
cache_folder   where fastmlp keeps files of its own
cpu            what this CPU has, by LLVM's names
interrupts     Ctrl-C at moments of our choosing
limits         what no machine has more of
switches       switches in the environment
user_warnings  warnings that point at the user's line
"""
