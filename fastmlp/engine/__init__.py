"""Passes over the data: train for some epochs, compute a full gradient, predict, evaluate.

engine          a network ready to run: packed parameters, working memory, a team of threads
structs         builders of the structs that compiled code reads
losses          losses with their output activation, labels and metric
optimizers      hyper-parameters, state, and the step size of each update; the table of solvers
dropout         which units an epoch drops
epoch           weights and loss of an epoch's batches
forward_pass    passes without updates: what predictions and evaluations share
full_gradient   loss and gradient of all samples, for L-BFGS
panel_layout    where each layer's panels lie in the flat buffers
small_predict   predictions for a few rows, from weights where they lie
team            threads that run one function side by side
training_pass   epochs on the same samples: what does not change between them is made once
weight_average  a moving average of the weights, kept while they are trained
work            how much arithmetic a pass is, and how it is cut up for that
"""
