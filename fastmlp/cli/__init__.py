"""``python -m fastmlp``.

main     the commands, and ``train``
predict  ``predict``: digits on pictures
draw     ``draw``: a page to draw digits on, made of the parts in ``draw_page``
sweep    ``sweep``: a grid of networks and a report
options  options that several commands share
"""
