"""Search for the models that can be pruned, inside containers of any depth."""

import copy
from dataclasses import dataclass, replace
from typing import Any

from sklearn.utils.validation import check_is_fitted

from skprune.structures.base import Samples
from skprune.structures.containers import Container, container_of
from skprune.structures.families import family_of, find_family, known_families


@dataclass(frozen=True)
class Member:
    """Fitted model inside containers, with the samples that it sees.

    `name` is its path, empty if each container on the way holds one estimator.
    """

    name: str
    model: Any
    samples: Samples


@dataclass(frozen=True)
class Location:
    """Models inside a fitted estimator, the `container`, that can be pruned.

    `model` is the `final_model`, which sees `samples`. The `members` are the models to
    prune, each once: `model`, or models inside it. The `wrappers` are the containers
    around members that vanish from a copy, outer ones first.
    """

    container: Any
    model: Any
    samples: Samples
    members: list[Member]
    wrappers: list[Container]

    def rebuild(self, *models):
        """Copy the container with another model, given, in place of each member.

        The copy shares nothing with the container.
        """
        # deepcopy takes an object in its memo for a copy that is already made
        memo = {id(member.model): new for member, new in zip(self.members, models)}
        for wrapper in reversed(self.wrappers):
            memo[id(wrapper.estimator)] = copy.deepcopy(wrapper.inner()[""], memo)
        return copy.deepcopy(self.container, memo)


def way_in(estimator):
    """Follow containers of one estimator inwards, and yield each estimator.

    The first is the given one, fitted or not. The last is a model, or a container of
    several estimators.
    """
    while estimator is not None:
        yield estimator
        container = container_of(estimator)
        estimator = None if container is None else container.inner().get("")


def final_model(estimator):
    """Find the last estimator of `way_in`, the fitted one if there is one."""
    *_, last = way_in(estimator)
    return last


def final_models(estimator):
    """List the names, as in `Member`, and the models inside containers.

    The models are fitted ones if there are any.
    """
    container = container_of(estimator)
    if container is None:
        return [("", estimator)]
    return [
        (dotted(name, deeper), model)
        for name, inner in container.inner().items()
        for deeper, model in final_models(inner)
    ]


def prunable_models(estimator):
    """List the `final_models` that some family accepts, each once.

    Raises a TypeError, which names the models, if all of them are others.
    """
    models = final_models(estimator)
    accepted: dict = {}
    for name, model in models:
        if find_family(model) is not None:
            accepted.setdefault(id(model), (name, model))
    if models and not accepted:
        _refuse(estimator, [model for _, model in models])
    return list(accepted.values())


def _refuse(estimator, models):
    if len(models) == 1:
        family_of(models[0])  # raises, with the reason for this model
    inside = ", ".join(sorted({type(model).__name__ for model in models}))
    raise TypeError(
        f"{type(estimator).__name__} cannot be pruned: it holds {inside}; "
        f"skprune knows {known_families()}."
    )


def dotted(*names):
    """Join the names of nested parts by dots, without empty ones."""
    return ".".join(name for name in names if name)


def transformers(estimator):
    """List the fitted transformers between X and the final model, in order."""
    containers = filter(None, map(container_of, way_in(estimator)))
    return [step for container in containers for step in container.transformers]


def locate(estimator, samples):
    """Find the models in a fitted estimator that can be pruned, a `Location`.

    Raises a NotFittedError, a ValueError for a search that was not refitted, or a
    TypeError if no family accepts any of the models.
    """
    final = final_model(estimator)
    members, wrappers, seen_by_final = {}, {}, samples
    for name, inner, seen, around in _found("", estimator, samples, []):
        if inner is final:
            seen_by_final = seen
        if id(inner) not in members and _is_prunable(inner):
            members[id(inner)] = Member(name, inner, seen)
            wrappers.update({id(one.estimator): one for one in around})
    if not members:
        prunable_models(estimator)  # raises
    found = list(members.values()), list(wrappers.values())
    return Location(estimator, final, seen_by_final, *found)


def _is_prunable(estimator):
    return container_of(estimator) is None and find_family(estimator) is not None


def _found(name, estimator, samples, around):
    """Yield each estimator with its name, its samples and the wrappers around it."""
    check_is_fitted(estimator)
    yield name, estimator, samples, around
    container = container_of(estimator)
    if container is None:
        return
    if container.vanishes:
        around = [*around, container]
    views = container.transform(samples)
    for (own, inner), seen in zip(container.inner().items(), views):
        if seen.fit_params is not None:
            routed = container.metadata(own, seen.fit_params)
            weights = routed.get("sample_weight")
            seen = replace(seen, fit_params=routed, sample_weight=weights)
        yield from _found(dotted(name, own), inner, seen, around)
