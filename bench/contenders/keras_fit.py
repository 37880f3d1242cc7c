"""Keras: ``model.fit`` on the arrays, with the backend that ``KERAS_BACKEND`` names."""

import keras

BACKEND = keras.backend.backend()


def _limit_threads(n_threads):
    if BACKEND == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        tf.config.threading.set_inter_op_parallelism_threads(n_threads)
    elif BACKEND == "torch":
        import torch

        torch.set_num_threads(n_threads)


def hidden_layers(n_units, dropout):
    """A hidden layer, with dropout behind it if there is any."""
    dense = keras.layers.Dense(n_units, activation="relu")
    return [dense, keras.layers.Dropout(dropout)] if dropout else [dense]


def prepare(job, data):
    _limit_threads(job.threads)
    keras.utils.set_random_seed(job.seed)
    model = keras.Sequential(
        [
            keras.layers.Input(data.X_train.shape[1:]),
            *(layer for n_units in job.hidden for layer in hidden_layers(n_units, job.dropout)),
            keras.layers.Dense(data.n_classes, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=keras.optimizers.RMSprop(learning_rate=job.learning_rate, momentum=job.momentum),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile="auto",
    )
    return {"model": model, "job": job, "data": data}


def train(state, epochs):
    data = state["data"]
    state["model"].fit(
        data.X_train, data.y_train, batch_size=state["job"].batch_size, epochs=epochs, verbose=0
    )


def evaluate(state):
    data = state["data"]
    loss, accuracy = state["model"].evaluate(data.X_test, data.y_test, batch_size=1000, verbose=0)
    return float(loss), float(accuracy)
