"""Step (d): a good push deploys."""

from __future__ import annotations

import http.client

from pushproof.drill.context import Context
from pushproof.drill.evidence import Asking, Deployed
from pushproof.drill.executions import succeeded
from pushproof.drill.judgement import claim_serving, images
from pushproof.drill.observation import wait_for
from pushproof.drill.prober import is_commit, looks_like_commit, wait_for_version
from pushproof.drill.settings import VersionPlace
from pushproof.drill.steps.apply import entrance_of
from pushproof.drill.steps.authorisation import authorise, awaits_authorisation
from pushproof.drill.steps.before import claim_task_before
from pushproof.drill.steps.step import Step


class FirstDeployment(Step):
    """Push a good commit and see it serve, through the load balancer and by its image."""

    name = "first-deployment"
    letter = "d"
    needs = (("apply",),)
    pushes = True

    def perform(self, context: Context) -> Deployed:
        narrator = context.narrator
        with narrator.step(self.letter, "A good push deploys"):
            # The step that sees a push refused authorises the connection; without it, this one does.
            if awaits_authorisation(context):
                authorise(context)
            before = images(context)
            commit = context.push(context.commit("First version, again"))
            execution = succeeded(context, commit)
            asking = find_asking(context, commit)
            serving = claim_serving(context, commit, before)
            claim_task_before(context, commit, serving.digests, serving.task_definitions)
            if asking.tells:
                narrator.claim(f"{entrance_of(context.delivery)}{asking.path} answers {commit[:7]}")
            elif asking.path:
                narrator.claim(
                    f"{entrance_of(context.delivery)}{asking.path} answers; the application does not tell its commit, "
                    "so that revisions are told apart by their images alone"
                )
        return Deployed(
            commit, execution, tuple(sorted(serving.task_definitions)), tuple(sorted(serving.digests)), asking
        )


def find_asking(context: Context, commit: str) -> Asking:
    """Wait until a commit answers, and return the request that shows it; an empty one for a service without a load balancer.

    Where nobody says how the application tells its commit, /version is tried; else the first path that answers without an error
    is taken. Raises ProofFailed when nothing answers.
    """
    place, entrance = context.settings.version, context.delivery.entrance
    if not entrance.dns_name:
        return Asking()
    within = context.deadline("serving", 900)
    if place is not None and place.certain:
        asking = Asking(place.path, tells=True)
        wait_for_version(context.front(asking), commit, clock=context.target.clock, within=within)
        return asking
    last = "not asked yet"

    def answered() -> Asking | None:
        nonlocal last
        told = "" if place is None else _told(context, place)
        if place is not None and is_commit(told, commit):
            return Asking(place.path, tells=True)
        if looks_like_commit(told):
            last = f"{told[:7]} answers"
            return None
        for path in entrance.paths:
            try:
                answer = context.front(Asking(path)).ask()
            except (OSError, http.client.HTTPException) as error:
                last = f"{path}: {type(error).__name__}: {error}"
                continue
            if answer.good:
                return Asking(path)
            last = f"{path} is answered with {answer.status}"
        return None

    return wait_for(
        answered,
        what=f"an answer from {entrance_of(context.delivery)}",
        clock=context.target.clock,
        within=within,
        last=lambda: last,
    )


def _told(context: Context, place: VersionPlace) -> str:
    """Return what the application tells of its commit now; "" when nothing answers."""
    try:
        return context.front(Asking(place.path, tells=True)).version()
    except (OSError, http.client.HTTPException):
        return ""
