"""
A table with numbers and categories
===================================

A `ColumnTransformer` scales the numbers and encodes the categories. fastmlp takes the one-hot columns as they
come: it skips their zeros.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from fastmlp import MLPClassifier

rng = np.random.default_rng(0)
n = 4000
table = pd.DataFrame({
    "age": rng.integers(18, 80, n),
    "income": rng.lognormal(10, 0.6, n),
    "city": rng.choice(["Oslo", "Lima", "Pune", "Kyoto"], n),
    "plan": rng.choice(["free", "basic", "pro"], n),
})  # fmt: skip
risk = (
    0.05 * (table.age - 50)
    + (table.plan == "free") * 2.0
    - np.log(table.income / 22000)
    + (table.city == "Lima")
)
leaves = risk + rng.logistic(size=n) > 0
X_train, X_test, y_train, y_test = train_test_split(table, leaves, random_state=0)
columns = ColumnTransformer([
    ("numbers", StandardScaler(), ["age", "income"]),
    ("categories", OneHotEncoder(), ["city", "plan"]),
])  # fmt: skip
model = make_pipeline(columns, MLPClassifier((64,), max_iter=20, random_state=0)).fit(
    X_train, y_train
)
print(f"accuracy {model.score(X_test, y_test):.3f}")

# %%
# Which columns the predictions depend on:
importance = permutation_importance(model, X_test, y_test, n_repeats=5, random_state=0)
order = importance.importances_mean.argsort()
figure, axis = plt.subplots(figsize=(7, 3), layout="constrained")
axis.barh(
    table.columns[order], importance.importances_mean[order], xerr=importance.importances_std[order]
)
axis.set_xlabel("accuracy lost when the column is shuffled")
plt.show()
