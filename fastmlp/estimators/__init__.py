"""scikit-learn's contract.

base            what the estimators share
classifier      MLPClassifier: signature and methods
parameters      type, constraint and meaning of each parameter; builds the class docstrings
attributes      meaning of the fitted attributes
fit_task        one fit, from the arguments of `fit` to a fitted model
starting_point  what a fit starts from
fitted          what a fitted model computes
validation      checks of input, with errors in scikit-learn's words
regressor       MLPRegressor: signature and methods
targets         labels to the engine's targets and back
saved_state     the private state of a model as it is pickled
types           for type checkers and editors; mypy_bases.pyi says what scikit-learn's bases have
regression_targets  numbers to predict, checked
sample_weights  how much each sample counts
callbacks       scikit-learn's callbacks around a fit
watched_fit     a fit with samples that are measured and decide nothing
checkpoint      saves a fit after each epoch, and resumes it
"""
