"""The fit loop: epochs or iterations, schedules, validation, stopping, history.

stochastic  mini-batch training with RMSprop, Adam or SGD
lbfgs       SciPy's minimizer on the engine's loss and gradient
history     what a fit leaves in the model, and what the next one needs to resume
seeding     random numbers as a pure function of one seed
progress    what `verbose` shows
"""
