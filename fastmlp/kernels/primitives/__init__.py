"""The arithmetic on vectors and panels, without threads and without a network.

exp_log          exp, expm1, log, log1p and erfc as polynomials
activations      activation functions and their derivatives
losses           losses and their gradients with respect to the logits
dense_products   matrix products on packed panels, in tiles
sparse_products  the same with lists of non-zeros
optimizer_rules  the optimizers' update rules, fused behind the gradient
random           random words as a function of key, row and unit
"""
