"""The phases of a training step, shared among the threads of a team.

train_step      the mini-batch loop and its entries
forward         products and activations
outputs         what is read of the output layer; loss and its gradient
backward        deltas
weight_update   gradients and updates in one
sparse_update   the same for the first layer, from the non-zeros of X
bias_update     the same for the biases
penalty         the weights' own part of the loss
lazy_rows       rows that updates skip, and how they catch up
nonzero_lists   lists of a hidden layer's non-zeros
threads         barrier and work sharing
single_kernels  entries to single kernels, for `fastmlp.array_kernels`
dropout         which units a sample drops
"""
