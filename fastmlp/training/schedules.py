"""Learning rates."""


def learning_rate(model, schedule, state, record) -> float:
    """Return the next epoch's learning rate.

    Parameters
    ----------
    model : BaseMLP
        Read for `learning_rate_init` and `power_t`.
    schedule : {"constant", "invscaling", "adaptive"}
    state : State
        Read for the epochs of the optimizer and the cuts of "adaptive".
    record : Record
        Read for the number of samples seen, which "invscaling" goes by.
    """
    rate = float(model.learning_rate_init)
    if schedule == "invscaling" and state.optimizer_epochs > 0:
        return rate / (record.t + 1) ** model.power_t
    if schedule == "adaptive":
        for _ in range(state.n_rate_cuts):
            rate /= 5.0
    return rate
