"""What an expression can see while it is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .run import Run

if TYPE_CHECKING:
    from .deployment import Deployment
    from .frame import Frame

_NOTHING: Final[Mapping[str, Any]] = {}


class Env:
    """`frame` answers names and scope functions, `deployment` the resources.

    `copies` are the indexes of the loops around by name in lower case, `index` that of the resource's own
    loop, `inner` that of the innermost loop over a property. `arguments` are those of a user function, None
    outside of one. `place` says where the expression stands: some functions are not welcome everywhere.
    """

    __slots__ = ("arguments", "copies", "deployment", "frame", "index", "inner", "lambdas", "place", "run")

    def __init__(
        self,
        run: Run,
        frame: Frame,
        deployment: Deployment | None,
        copies: Mapping[str, int] = _NOTHING,
        index: int | None = None,
        inner: int | None = None,
        lambdas: Mapping[str, Any] = _NOTHING,
        arguments: Mapping[str, Any] | None = None,
        place: str = "",
    ) -> None:
        self.run = run
        self.frame = frame
        self.deployment = deployment
        self.copies = copies
        self.index = index
        self.inner = inner
        self.lambdas = lambdas
        self.arguments = arguments
        self.place = place

    def at(self, place: str) -> Env:
        """The same at another place of the template."""
        return Env(
            self.run,
            self.frame,
            self.deployment,
            self.copies,
            self.index,
            self.inner,
            self.lambdas,
            self.arguments,
            place,
        )

    def turn(self, name: str, index: int) -> Env:
        """The same inside of one turn of a loop over a property, a variable or an output."""
        return Env(
            self.run,
            self.frame,
            self.deployment,
            {**self.copies, name: index},
            self.index,
            index,
            self.lambdas,
            self.arguments,
            self.place,
        )

    def instance(self, name: str, index: int) -> Env:
        """The same for one instance of a resource loop."""
        copies = {**self.copies, name: index}
        return Env(self.run, self.frame, self.deployment, copies, index, None, self.lambdas, None, self.place)

    def within(self, deployment: Deployment) -> Env:
        """The same names, with the resources of a nested template that shares them."""
        return Env(
            self.run,
            self.frame,
            deployment,
            self.copies,
            self.index,
            self.inner,
            self.lambdas,
            None,
            self.place,
        )

    def bound(self, lambdas: Mapping[str, Any]) -> Env:
        """The same inside of a lambda."""
        return Env(
            self.run,
            self.frame,
            self.deployment,
            self.copies,
            self.index,
            self.inner,
            {**self.lambdas, **lambdas},
            self.arguments,
            self.place,
        )
