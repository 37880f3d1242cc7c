"""From the user's array to batches that are ready to multiply. Imports only `kernels.abi` and `system.cpu`.

source      looks at X once: what to keep of it, and how its rows are read
prepared    what X tells of itself once it is prepared, and the plans made for it
batch_plan  how an epoch is cut into chunks of batches, and where each part lies in the buffers
_rows       compiled by Cython: loops over whole matrices (check, count, encode)
_batches    compiled by Cython: loops over batches (gather, transpose, pack)
_dropout    compiled by Cython: which inputs an epoch drops
baselines   the values that most samples share, which training skips as it skips zeros
"""
