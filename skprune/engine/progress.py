"""Progress of a fit: printed lines, and the tasks that callbacks follow.

scikit-learn 1.9 tells callbacks about the tasks of a fit, which form a tree: the fit of
the model, then the pruning with its steps and their training passes. `Task` is a node
of that tree. Before 1.9, and without callbacks, the tasks are silent.
"""

from contextlib import contextmanager, nullcontext
from time import perf_counter

from skprune._compat import SILENT_CONTEXT, open_callback_context


class Task:
    """Part of a fit, whose beginning and end callbacks are told.

    Parameters
    ----------
    estimator : estimator, default=None
        Whose ``fit`` runs.
    context : CallbackContext, default=SILENT_CONTEXT
        The node of scikit-learn's tree.
    data : dict, default=None
        ``X``, ``y`` and ``metadata``, as callbacks take them.
    """

    def __init__(self, estimator=None, context=SILENT_CONTEXT, data=None):
        self.estimator = estimator
        self.context = context
        self.data = data or {}
        self._attributes = None

    def reached(self, model):
        """Let callbacks ask ``model()`` for the ``estimator_`` as it is by now."""
        self._attributes = lambda: {"estimator_": model()}

    @contextmanager
    def running(self):
        """Run from the beginning of the task to its end, as a context manager."""
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        yield self
        self.context.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=self._attributes,
            **self.data,
        )

    def subtask(self, name, n_subtasks=0):
        """Run a part of this task, as a context manager that gives the new `Task`."""
        return self.part(name, n_subtasks).seeing(self.data).running()

    def part(self, name, n_subtasks=0):
        """Make a part that begins later, perhaps in another process, without data.

        The name is shown beside a progress bar; `n_subtasks` is the number of its own
        parts at most.
        """
        context = self.context.subcontext(task_name=name, max_subtasks=n_subtasks)
        return Task(self.estimator, context)

    def seeing(self, data):
        """This task with other data, from `data_of`."""
        return Task(self.estimator, self.context, data)

    def passes(self, n_passes):
        """Iterate over the numbers of training passes, each of which is a task."""
        for number in range(n_passes):
            with self.subtask("epoch"):
                yield number

    @contextmanager
    def fitting(self, estimator, name="fit-model"):
        """Fit an estimator inside, whose tasks become parts of this one."""
        context, handed = self.context.subcontext(task_name=name), nullcontext()
        if hasattr(estimator, "set_callbacks"):
            handed = context.propagate_callback_context(estimator)
        with handed, Task(self.estimator, context, self.data).running():
            yield


SILENT = Task()


def fit_task(estimator, n_subtasks, X, y, sample_weight):
    """Run the fit of an estimator, as a context manager that gives its `Task`."""
    context = open_callback_context(estimator, n_subtasks)
    return Task(estimator, context, data_of(X, y, sample_weight)).running()


def data_of(X, y, sample_weight):
    """Samples of a task as callbacks take them, a dict."""
    weights = None if sample_weight is None else {"sample_weight": sample_weight}
    return {"X": X, "y": y, "metadata": weights}


class StepLines:
    """One printed line per step: units, loss and the remaining time."""

    def __init__(self, n_steps, n_units):
        self.n_steps, self.n_units = n_steps, n_units
        self.started = perf_counter()

    def show(self, step, n_left, loss):
        """Print the line of a step that has just ended, numbered from one."""
        elapsed = perf_counter() - self.started
        remaining = elapsed / step * (self.n_steps - step)
        time = f"about {duration(remaining)} left"
        if step == self.n_steps:
            time = f"done in {duration(elapsed)}"
        print(
            f"[skprune] step {step}/{self.n_steps}: {n_left:,} of {self.n_units:,} "
            f"units left, loss {loss:.4g}, {time}"
        )


def duration(seconds):
    """Write a length of time in its largest fitting unit.

    Examples
    --------
    >>> duration(0.26), duration(75), duration(5000)
    ('0.3 s', '1.2 min', '1.4 h')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"
