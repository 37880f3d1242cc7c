"""
Sparse text with 100,000 features
=================================

Bags of words are CSR matrices with a few dozen non-zeros a row. fastmlp walks through these alone, and the
weights of words that a batch does not contain catch up later.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer

from fastmlp import MLPClassifier

rng = np.random.default_rng(0)
words = np.array([f"word{k}" for k in range(30_000)])
topics = rng.dirichlet(np.full(30_000, 0.01), 4)


def text(topic):
    return " ".join(rng.choice(words, 80, p=0.35 * topics[topic] + 0.65 * topics.mean(axis=0)))


labels = rng.integers(4, size=3000)
texts = [text(topic) for topic in labels]
X = HashingVectorizer(n_features=100_000, alternate_sign=False).transform(texts)
print(X.shape, f"{X.nnz / X.shape[0]:.0f} non-zeros a row")

# %%
start = time.perf_counter()
model = MLPClassifier((64,), max_iter=6, batch_size=64, random_state=0)
model.fit(X[:2400], labels[:2400], X_val=X[2400:], y_val=labels[2400:])
print(f"{(time.perf_counter() - start) / 6:.2f} s an epoch, validation included")

# %%
figure, axis = plt.subplots(figsize=(7, 3.5), layout="constrained")
axis.plot(range(1, 7), model.history_["accuracy"], "o-", label="training")
axis.plot(range(1, 7), model.history_["val_accuracy"], "o-", label="unseen texts")
axis.set(xlabel="epoch", ylabel="accuracy", title="Four topics, 100,000 features")
axis.legend()
plt.show()
