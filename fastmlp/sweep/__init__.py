"""Many networks, cross-validated, and a report about them: what ``python -m fastmlp sweep`` runs.

From the bottom up:

store       results on disk, one file per fit, safe against a kill at any moment
grid        the settings, their fits, and what determines a fit's result
fits        one fit; all of them, in this process or in several
cluster     all of them on a Dask cluster
progress    what is shown meanwhile
results     the finished fits by setting, ranked; the table
statistics  intervals, ties and contrasts, allowing for folds that share samples
measures    what is measured of a fold's result to judge the parameters by
effects     what the parameters did, in figures of this run, and a verdict for each claim
words       sentences that the report and the command share
page        pieces of HTML
best_network  what the page shows of the best network
report      the page that shows everything
"""
