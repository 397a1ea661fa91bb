"""Where the models are that are pruned: inside containers, and these inside others."""

import copy
from dataclasses import dataclass, replace
from typing import Any

from sklearn.utils.validation import check_is_fitted

from skprune.structures.base import Samples
from skprune.structures.containers import Container, container_of
from skprune.structures.families import family_of, find_family, known_families


@dataclass(frozen=True)
class Member:
    """A fitted model inside containers.

    Attributes
    ----------
    name : str
        Where in the containers it is, empty if each of them holds one estimator.
    model : estimator
        Fitted, not a container.
    samples : Samples
        The samples as the model sees them.
    """

    name: str
    model: Any
    samples: Samples


@dataclass(frozen=True)
class Location:
    """The models inside a fitted estimator that can be pruned.

    Attributes
    ----------
    container : estimator
        The estimator that was given.
    model : estimator
        The model at the end of containers of one estimator, or a container of several
        estimators there.
    samples : Samples
        The samples as `model` sees them.
    members : list of Member
        The models that can be pruned, each once: `model`, or models inside it.
    wrappers : list of Container
        Containers around members that do not appear in a copy, outer ones first.
    """

    container: Any
    model: Any
    samples: Samples
    members: list[Member]
    wrappers: list[Container]

    def rebuild(self, *models):
        """Return a copy of the container with other models inside.

        Parameters
        ----------
        *models : estimator
            One for each member; they become part of the copy.

        Returns
        -------
        estimator
            Shares nothing with the container.
        """
        return self._around(self.container, models)

    def rebuild_model(self, *models):
        """Return `model` with other models in the place of its members, as `rebuild`.

        Parameters
        ----------
        *models : estimator
            One for each member; they become part of the copy.

        Returns
        -------
        estimator
            The new model itself, if there is only one.
        """
        return self._around(self.model, models)

    def _around(self, estimator, models):
        # deepcopy takes what its memo holds for a copy that is already made
        memo = {id(member.model): new for member, new in zip(self.members, models)}
        for wrapper in reversed(self.wrappers):
            memo[id(wrapper.estimator)] = copy.deepcopy(wrapper.inner()[""], memo)
        return copy.deepcopy(estimator, memo)


def way_in(estimator):
    """Follow containers of one estimator inwards.

    Parameters
    ----------
    estimator : estimator
        A model or a container, fitted or not.

    Yields
    ------
    estimator
        The estimator itself, what it holds, and so on. The last one is a model, or a
        container of several estimators.
    """
    while estimator is not None:
        yield estimator
        container = container_of(estimator)
        estimator = None if container is None else container.inner().get("")


def final_model(estimator):
    """Return the model at the end of containers of one estimator.

    Parameters
    ----------
    estimator : estimator
        A model or a container.

    Returns
    -------
    estimator
        The fitted model if there is one; or a container of several estimators.
    """
    *_, last = way_in(estimator)
    return last


def final_models(estimator):
    """Return all models inside containers.

    Parameters
    ----------
    estimator : estimator
        A model or a container.

    Returns
    -------
    list of tuple of str and estimator
        Name and model, fitted ones if there are any. The name is empty if each
        container on the way holds one estimator.
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
    """Return the models inside containers that some family accepts.

    Parameters
    ----------
    estimator : estimator
        A model or a container, fitted or not.

    Returns
    -------
    list of tuple of str and estimator
        As `final_models`, but each model once.

    Raises
    ------
    TypeError
        If there are only others; names them.
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
        family_of(models[0])  # says why this one is refused
    inside = ", ".join(sorted({type(model).__name__ for model in models}))
    raise TypeError(
        f"{type(estimator).__name__} cannot be pruned: it holds {inside}; "
        f"skprune knows {known_families()}."
    )


def dotted(*names):
    """Join the names of nested parts, without those that are empty."""
    return ".".join(name for name in names if name)


def transformers(estimator):
    """Return what samples pass on their way to the model at the end of containers.

    Parameters
    ----------
    estimator : estimator
        A fitted model or container.

    Returns
    -------
    list of estimator
        The fitted transformers of pipelines, from the outside in.
    """
    on_the_way = map(container_of, way_in(estimator))
    return [
        transformer
        for container in on_the_way
        if container is not None
        for transformer in container.transformers
    ]


def locate(estimator, samples):
    """Find the models in a fitted estimator that can be pruned.

    Parameters
    ----------
    estimator : estimator
        A fitted model or container.
    samples : Samples
        As the estimator takes them.

    Returns
    -------
    Location
        The models and their samples.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        For a search that was not refitted.
    TypeError
        If no family accepts any of the models.
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
    """Each estimator inside: its name, its samples, and the wrappers around it."""
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
