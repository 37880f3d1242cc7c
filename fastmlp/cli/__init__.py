"""``python -m fastmlp``.

main     the table of commands, and errors that end one
train    ``train``: a network from the data to its test accuracy
predict  ``predict``: digits on pictures
draw     ``draw``: a page to draw digits on, made of the parts in ``draw_page``
sweep    ``sweep``: a grid of networks and a report
options  options that several commands share
streams  the output, and what happens when nobody reads it
values   the values of options, and what is said of wrong ones
errors   errors and warnings in words; files that cannot be written, before the work
"""
