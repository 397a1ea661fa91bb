"""One pruning of a fitted model, as the engine does it."""

from skprune.engine.fits import Fit
from skprune.engine.plan import Plan
from skprune.engine.pruning import make_generator, prunings
from skprune.methods import Magnitude


def pruned_once(model, samples, rate, method=None, seed=0, **options):
    """The `Pruned` of a fitted model at one rate; options are those of a plan."""
    plan = Plan(method or Magnitude(), **options)
    [pruned] = prunings(Fit(model, samples), plan, [rate], make_generator(seed))
    return pruned
