"""``python -m fastmlp``.

main     the commands, and ``train``
predict  ``predict``: digits on pictures
sweep    ``sweep``: a grid of networks and a report
options  options that several commands share
"""
