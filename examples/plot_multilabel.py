"""
Several labels per sample
=========================

A 2-D indicator trains one logistic output per label.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

from fastmlp import MLPClassifier

X, Y = make_multilabel_classification(3000, 40, n_classes=6, n_labels=2, random_state=0)
X_train, X_test, Y_train, Y_test = train_test_split(X / X.max(), Y, random_state=0)
model = MLPClassifier((64,), max_iter=60, random_state=0).fit(X_train, Y_train)
predicted = model.predict(X_test)
print(
    f"all labels right: {model.score(X_test, Y_test):.2f}, F1 by label:",
    f1_score(Y_test, predicted, average=None).round(2),
)

# %%
# The probabilities of the first 24 samples; a circle is a label that the sample has.
probability = model.predict_proba(X_test[:24])
figure, axis = plt.subplots(figsize=(8, 3), layout="constrained")
picture = axis.imshow(probability.T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
axis.plot(*np.nonzero(Y_test[:24]), "o", color="darkorange", fillstyle="none")
axis.set(xlabel="sample", ylabel="label")
figure.colorbar(picture, label="probability")
plt.show()
