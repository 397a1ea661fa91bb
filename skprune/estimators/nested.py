"""Estimators of skprune as containers: what they have pruned is pruned once more."""

from dataclasses import replace

from sklearn.utils.metadata_routing import process_routing

from skprune.estimators.delegation import PrunedModel, check_has_model
from skprune.structures import Container, container_of


@container_of.register(PrunedModel)
class _Pruned(Container):
    vanishes = True

    def inner(self):
        pruner = self.estimator
        return {"": getattr(pruner, "estimator_", pruner.estimator)}

    def transform(self, samples):
        check_has_model(self.estimator)
        # all rows have re-estimated the model, so that none is out of its bags
        return [replace(samples, trained_on=False)]

    def metadata(self, name, fit_params):
        if not fit_params or not hasattr(self.estimator, "_pruner"):
            return super().metadata(name, fit_params)
        # a search hands metadata to its pruner, which hands it on
        routed = process_routing(self.estimator, "fit", **fit_params).pruner.fit
        return _Pruned(self.estimator._pruner()).metadata(name, routed)
