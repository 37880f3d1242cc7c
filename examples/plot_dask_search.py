"""
A search on Dask
================

`fastmlp.distributed.dask_backend` sends the fits of a `GridSearchCV` to a Dask cluster. Here the cluster is two
threads of this process; ``Client("scheduler:8786")`` names a real one. The scores are those of one machine, to the
last bit.
"""

import matplotlib.pyplot as plt
import numpy as np
from dask.distributed import Client
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from fastmlp import MLPClassifier
from fastmlp.distributed import dask_backend

X, y = load_digits(return_X_y=True)
grid = {
    "hidden_layer_sizes": [(8,), (16,), (32,), (64,), (128,)],
    "learning_rate_init": [0.001, 0.01],
}
search = GridSearchCV(MLPClassifier(max_iter=15, random_state=0, n_threads=1), grid, cv=3)
with Client(processes=False, n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
    with dask_backend(client):
        search.fit(X / 16, y)
print(search.best_params_, round(search.best_score_, 3))

# %%
mean = search.cv_results_["mean_test_score"].reshape(5, 2)
spread = search.cv_results_["std_test_score"].reshape(5, 2)
figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
for k, rate in enumerate(grid["learning_rate_init"]):
    axis.errorbar(
        np.arange(5) + 0.05 * k,
        mean[:, k],
        spread[:, k],
        marker="o",
        capsize=3,
        label=f"rate {rate}",
    )
axis.set_xticks(range(5), [str(sizes[0]) for sizes in grid["hidden_layer_sizes"]])
axis.set(xlabel="hidden units", ylabel="accuracy (3 folds)")
axis.legend()
plt.show()
