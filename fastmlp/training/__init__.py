"""The fit loop: epochs or iterations, schedules, validation, stopping, history.

context           what one fit works on
stochastic        mini-batch training with RMSprop, Adam or SGD
lbfgs             SciPy's minimizer on the engine's loss and gradient
improvement       whether epochs still improve the model
length            samples per update, number of epochs, and when small data have had enough
schedules         learning rates
constant_loss     what max_iter="auto" goes by: the loss of a prediction that ignores X
validation_score  the score by which early stopping goes
history           what a fit leaves in the model's attributes
resume_state      what the next fit needs to resume
seeding           random numbers as a pure function of one seed
progress          what `verbose` shows
"""
