"""scikit-learn's own MLPClassifier with Adam (it has no RMSprop), on float32 arrays."""

from sklearn.neural_network import MLPClassifier


def prepare(job, data):
    model = MLPClassifier(
        job.hidden,
        solver="adam",
        alpha=0.0,
        batch_size=job.batch_size,
        learning_rate_init=job.learning_rate,
        warm_start=True,
        tol=0.0,
        random_state=job.seed,
    )
    return {"model": model, "data": data}


def train(state, epochs):
    """One ``fit`` that goes on from the weights of the last one."""
    model, data = state["model"], state["data"]
    model.set_params(max_iter=epochs, n_iter_no_change=epochs + 1)
    model.fit(data.X_train, data.y_train)


def predict(state, X):
    return state["model"].predict_proba(X)


def evaluate(state):
    from sklearn.metrics import accuracy_score, log_loss

    model, data = state["model"], state["data"]
    probabilities = predict(state, data.X_test)
    labels = model.classes_[probabilities.argmax(axis=1)]
    loss = log_loss(data.y_test, probabilities, labels=model.classes_)
    return float(loss), float(accuracy_score(data.y_test, labels))
