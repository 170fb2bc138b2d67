"""Lifecycle policies: kept, previewed, and really applied, once a day on the world's clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.services.ecr import errors
from pushproof.emulator.services.ecr.base import EcrOperations, page
from pushproof.emulator.services.ecr.model import Preview, Repository
from pushproof.engines import lifecycle
from pushproof.engines.lifecycle import ActionType

if TYPE_CHECKING:
    from pushproof.emulator.kernel.shapes.ecr import (
        DeleteLifecyclePolicyAnswer,
        DeleteLifecyclePolicyRequest,
        GetLifecyclePolicyAnswer,
        GetLifecyclePolicyPreviewAnswer,
        GetLifecyclePolicyPreviewRequest,
        GetLifecyclePolicyRequest,
        PutLifecyclePolicyAnswer,
        PutLifecyclePolicyRequest,
        StartLifecyclePolicyPreviewAnswer,
        StartLifecyclePolicyPreviewRequest,
    )


@dataclass(frozen=True, slots=True)
class LifecycleAct:
    """A policy's effect on an image. `action` is expire or transition; `why` explains it in a sentence."""

    repository: str
    digest: str
    tags: tuple[str, ...]
    action: str
    rule_priority: int
    why: str


class LifecycleOperations(EcrOperations):
    """The lifecycle operations, and `apply_lifecycle_policies`."""

    def put_lifecycle_policy(
        self, context: RequestContext, request: PutLifecyclePolicyRequest
    ) -> PutLifecyclePolicyAnswer:
        repository, text = self._repository(context, request), request["lifecyclePolicyText"]
        _parse(text)
        repository.lifecycle_policy = text
        return {**self._names(repository), "lifecyclePolicyText": text}

    def get_lifecycle_policy(
        self, context: RequestContext, request: GetLifecyclePolicyRequest
    ) -> GetLifecyclePolicyAnswer:
        repository = self._repository(context, request)
        if repository.lifecycle_policy is None:
            raise errors.policy_not_found("Lifecycle", repository.name, repository.registry)
        answer: GetLifecyclePolicyAnswer = {
            "registryId": repository.registry,
            "repositoryName": repository.name,
            "lifecyclePolicyText": repository.lifecycle_policy,
        }
        if repository.lifecycle_evaluated_at is not None:
            answer["lastEvaluatedAt"] = self._stamp(repository.lifecycle_evaluated_at)
        return answer

    def delete_lifecycle_policy(
        self, context: RequestContext, request: DeleteLifecyclePolicyRequest
    ) -> DeleteLifecyclePolicyAnswer:
        answer = self.get_lifecycle_policy(context, request)
        repository = self._repository(context, request)
        repository.lifecycle_policy = repository.lifecycle_evaluated_at = None
        return answer

    def start_lifecycle_policy_preview(
        self, context: RequestContext, request: StartLifecyclePolicyPreviewRequest
    ) -> StartLifecyclePolicyPreviewAnswer:
        repository = self._repository(context, request)
        text = request.get("lifecyclePolicyText") or repository.lifecycle_policy
        if text is None:
            raise errors.policy_not_found("Lifecycle", repository.name, repository.registry)
        if repository.preview is not None and repository.preview.status == "IN_PROGRESS":
            raise AwsError(
                "LifecyclePolicyPreviewInProgressException",
                f"The lifecycle policy preview for the repository with name '{repository.name}' in the registry "
                f"with id "
                f"'{repository.registry}' is in progress; wait until it is complete",
            )
        evaluation = self._evaluate(repository, text)
        results = lifecycle.preview_results(evaluation, self._stamp)
        preview = Preview(text, "IN_PROGRESS", results, lifecycle.preview_summary(evaluation))
        repository.preview = preview

        def complete() -> None:
            preview.status = "COMPLETE"

        self.site.loop.call_later(self.settings.preview_duration, complete, name=f"ecr preview {repository.name}")
        return {**self._names(repository), "lifecyclePolicyText": text, "status": preview.status}

    def get_lifecycle_policy_preview(
        self, context: RequestContext, request: GetLifecyclePolicyPreviewRequest
    ) -> GetLifecyclePolicyPreviewAnswer:
        repository = self._repository(context, request)
        preview = repository.preview
        if preview is None:
            raise AwsError(
                "LifecyclePolicyPreviewNotFoundException",
                f"There is no lifecycle policy preview for the repository with name '{repository.name}' in the "
                f"registry "
                f"with id '{repository.registry}'",
            )
        answer: GetLifecyclePolicyPreviewAnswer = {
            "registryId": repository.registry,
            "repositoryName": repository.name,
            "lifecyclePolicyText": preview.text,
            "status": preview.status,
        }
        if preview.status != "COMPLETE":
            return answer
        digests = [
            self.store.find_image(repository, digest=image_id.get("imageDigest"), tag=image_id.get("imageTag")).digest
            for image_id in request.get("imageIds", [])
        ]
        tag_status = request.get("filter", {}).get("tagStatus", "ANY")
        results = [
            result
            for result in preview.results
            if (not digests or result["imageDigest"] in digests)
            and tag_status in ("ANY", "TAGGED" if result.get("imageTags") else "UNTAGGED")
        ]
        chosen, more = page(results, request)
        answer["previewResults"], answer["summary"] = chosen, preview.summary
        if more:
            answer["nextToken"] = more["nextToken"]
        return answer

    def apply_lifecycle_policies(self, repository_name: str | None = None) -> list[LifecycleAct]:
        """Apply every repository's policy (or one repository's) now, as AWS does within 24 hours. Return the effects."""
        with self.site.loop.lock:
            return [
                act
                for repositories in list(self.store.repositories.values())
                for repository in list(repositories.values())
                if repository.lifecycle_policy is not None and repository_name in (None, repository.name)
                for act in self._apply(repository, repository.lifecycle_policy)
            ]

    def _apply(self, repository: Repository, text: str) -> list[LifecycleAct]:
        now = self.site.clock.now()
        acts = []
        for verdict in self._evaluate(repository, text).acted:
            image = repository.images[verdict.image.digest]
            priority = verdict.rule.priority if verdict.rule else 0
            acts.append(
                LifecycleAct(
                    repository.name, image.digest, verdict.image.tags, str(verdict.action), priority, verdict.why
                )
            )
            if verdict.action is ActionType.EXPIRE:
                self.store.delete_image(repository, image.digest)
            else:
                image.storage, image.archived_at = lifecycle.StorageClass.ARCHIVE, now
        repository.lifecycle_evaluated_at = now
        return acts

    def evaluate_lifecycle(self, repository: Repository) -> lifecycle.Evaluation | None:
        """Return the effects that the repository's policy would have now; None if it has none."""
        return None if repository.lifecycle_policy is None else self._evaluate(repository, repository.lifecycle_policy)

    def _evaluate(self, repository: Repository, text: str) -> lifecycle.Evaluation:
        images = [
            lifecycle.Image(
                image.digest,
                image.pushed_at,
                repository.tags_of(image.digest),
                image.storage,
                image.pulled_at,
                image.archived_at,
                image.activated_at,
                image.manifest.members,
                image.manifest.subject,
            )
            for image in repository.images.values()
        ]
        return lifecycle.evaluate(_parse(text), images, self.site.clock.now(), self.settings.lifecycle)

    def _daily(self) -> None:
        interval = self.settings.lifecycle_interval
        if interval is not None:
            self.site.loop.call_later(interval, self._daily, name="ecr lifecycle")
            self.apply_lifecycle_policies()


def _parse(text: str) -> lifecycle.Policy:
    try:
        return lifecycle.parse(text)
    except lifecycle.LifecyclePolicyError as error:
        raise AwsError("InvalidParameterException", error.message) from None
