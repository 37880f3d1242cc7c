"""fastmlp: one ``fit`` from the user's array, checks and encoding included."""

from fastmlp import MLPClassifier


def prepare(job, data):
    model = MLPClassifier(
        job.hidden,
        batch_size=job.batch_size,
        learning_rate_init=job.learning_rate,
        momentum=job.momentum,
        dropout=job.dropout,
        warm_start=True,
        n_threads=None,  # the process may use so many cores as the job has threads
        random_state=job.seed,
    )
    return {"model": model, "data": data}


def train(state, epochs):
    """One ``fit`` that goes on from the weights of the last one."""
    model, data = state["model"], state["data"]
    model.set_params(max_iter=epochs)
    model.fit(data.X_train, data.y_train)


def predict(state, X):
    return state["model"].predict_proba(X)


def evaluate(state):
    data = state["data"]
    scores = state["model"].evaluate(data.X_test, data.y_test)
    return float(scores["loss"]), float(scores["accuracy"])
