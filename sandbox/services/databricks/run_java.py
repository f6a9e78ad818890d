"""Java machines that kernels borrow for their Spark: each is cleaned for the next when a kernel ends."""

from __future__ import annotations

from uuid import uuid4

from sandbox.children import Child, Message
from sandbox.world import World

_KIND = "java/"
_USES = 6
"""Kernels after which a machine is ended: what they leave in its memory adds up."""


def lend(world: World, kernel: Child) -> None:
    """Answer a kernel's question for a machine once there is one; None when none could be started."""
    free = [child for child in world.children.named(_KIND) if child.notes["for"] is None]
    if not free:
        machine = world.children.start(
            f"{_KIND}{uuid4().hex[:12]}",
            "sandbox.kernel.java",
            lambda child, message: _heard(world, child, message),
            lambda child: _ended(world, child),
        )
        machine.notes |= {"ready": False, "uses": 0, "for": None}
        free = [machine]
    machine = max(free, key=lambda child: bool(child.notes["ready"]))
    machine.notes["for"] = kernel.name
    if machine.notes["ready"]:
        _give(world, machine)


def give_back(world: World, kernel: str) -> None:
    """Take back what a kernel had, which has ended."""
    for machine in world.children.named(_KIND):
        if machine.notes["for"] != kernel:
            continue
        machine.notes["for"] = None
        if not machine.notes["ready"]:
            continue  # it has not been given yet
        machine.notes |= {"ready": False, "uses": machine.notes["uses"] + 1}
        if machine.notes["uses"] >= _USES:
            world.children.stop(machine.name)
            continue
        try:
            machine.tell(clean=True)
        except OSError:
            world.children.stop(machine.name)


def _heard(world: World, machine: Child, message: Message) -> None:
    machine.notes["address"] = message.get("java") or machine.notes["address"]
    machine.notes["ready"] = True
    if machine.notes["for"] is not None:
        _give(world, machine)


def _give(world: World, machine: Child) -> None:
    kernel = world.children.get(machine.notes["for"])
    if kernel is None:
        machine.notes["for"] = None
    else:
        kernel.tell(answer=machine.notes["address"])


def _ended(world: World, machine: Child) -> None:
    kernel = world.children.get(machine.notes["for"] or "")
    if kernel is not None and not machine.notes["ready"]:
        kernel.tell(answer=None)
