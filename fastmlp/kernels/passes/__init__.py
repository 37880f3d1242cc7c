"""The phases of a training step, shared among the threads of a team.

train_step      the mini-batch loop and its entries
forward         products, activations, loss
backward        deltas, gradients, updates
nonzero_lists   lists of a hidden layer's non-zeros
threads         barrier and work sharing
single_kernels  entries to single kernels, for `fastmlp.array_kernels`
"""
