"""Names that the API has for statuses, triggers and kinds.

Source: https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_Types.html
"""

from __future__ import annotations

from typing import Literal

RunStatus = Literal["InProgress", "Succeeded", "Failed", "Abandoned"]
StageStatus = Literal["InProgress", "Succeeded", "Failed", "Stopping", "Stopped", "Cancelled", "Skipped"]
ExecutionStatus = Literal["InProgress", "Succeeded", "Failed", "Stopping", "Stopped", "Superseded", "Cancelled"]
ExecutionType = Literal["STANDARD", "ROLLBACK"]
ExecutionMode = Literal["SUPERSEDED", "QUEUED", "PARALLEL"]
PipelineType = Literal["V1", "V2"]
RetryMode = Literal["FAILED_ACTIONS", "ALL_ACTIONS"]
RetryTrigger = Literal["AutomatedStageRetry", "ManualStageRetry"]
FailureResult = Literal["FAIL", "ROLLBACK", "RETRY", "SKIP"]
ConditionKind = Literal["BEFORE_ENTRY", "ON_SUCCESS", "ON_FAILURE"]
ConditionStatus = Literal["InProgress", "Failed", "Errored", "Succeeded", "Cancelled", "Abandoned", "Overridden"]
PullRequestAction = Literal["OPEN", "UPDATED", "CLOSED"]
RevisionType = Literal["COMMIT_ID", "IMAGE_DIGEST", "S3_OBJECT_VERSION_ID", "S3_OBJECT_KEY"]
VariableType = Literal["PLAINTEXT", "SECRETS_MANAGER"]
Approval = Literal["Approved", "Rejected"]
Transition = Literal["Inbound", "Outbound"]
Category = Literal["Source", "Build", "Deploy", "Test", "Invoke", "Approval", "Compute"]
Owner = Literal["AWS", "ThirdParty", "Custom"]
TriggerType = Literal[
    "AutomatedRollback",
    "CloudWatchEvent",
    "CreatePipeline",
    "ManualRollback",
    "PollForSourceChanges",
    "PutActionRevision",
    "StartPipelineExecution",
    "Webhook",
    "WebhookV2",
]
