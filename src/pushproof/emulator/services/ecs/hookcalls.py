"""Calls of lifecycle hooks' functions, with the role of each hook."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.functions import HookInvoker
from pushproof.emulator.kernel.loop import Outcome
from pushproof.engines.deployment import HookAnswered, InvokeHook, not_assumed, not_invoked, read_answer

from .shifting import PRINCIPAL

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site

log = logging.getLogger(__name__)


class HookCaller:
    """Assumes the hook's role, which must be allowed lambda:InvokeFunction, and invokes the function."""

    def __init__(self, site: Site, functions: HookInvoker) -> None:
        self._site = site
        self._functions = functions

    def call(self, region: str, order: InvokeHook, report: Callable[[HookAnswered], None]) -> None:
        """Call a function off the lock; `report` gets its answer under it."""

        def work() -> HookAnswered:
            return self._answer(region, order)

        def done(outcome: Outcome[HookAnswered]) -> None:
            report(outcome.get())

        self._site.loop.submit(work, done, name=f"lifecycle hook {order.target_arn}")

    def _answer(self, region: str, order: InvokeHook) -> HookAnswered:
        site = self._site
        try:
            credentials = site.assume(order.role_arn, PRINCIPAL, "ecs-lifecycle-hook")
        except AwsError:
            return not_assumed(order.hook_id, order.role_arn)
        try:
            principal = site.permissions.principal(credentials.access_key_id)
            site.permissions.require(principal, "lambda:InvokeFunction", order.target_arn, region=region)
            answer = self._functions.invoke(order.target_arn, order.payload)
        except AwsError as error:
            return not_invoked(order.hook_id, order.target_arn, f"{error.code}: {error.message}")
        except Exception as error:
            # As in Lambda, whatever a function raises is its own failure.
            log.warning("the function %s of a lifecycle hook raised an exception", order.target_arn, exc_info=True)
            return not_invoked(order.hook_id, order.target_arn, f"Unhandled: {type(error).__name__}: {error}")
        return read_answer(order.hook_id, order.target_arn, answer)
