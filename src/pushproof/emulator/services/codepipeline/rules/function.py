"""LambdaInvoke: calls a function, and succeeds unless the function fails.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-LambdaInvoke.html . The event has the form of
the Lambda action's: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-Lambda.html
"""

from __future__ import annotations

import json

from pushproof.aws.arns import arn_of
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.functions import FunctionError, FunctionUnavailable
from pushproof.emulator.services.codepipeline.rules.base import CHECK_FAILED, RuleJob
from pushproof.emulator.services.codepipeline.work import JobFailed


class LambdaInvoke(RuleJob):
    """Calls a Lambda function of the world with the rule's role."""

    about = "Lambda"

    def start(self) -> None:
        self.work(self._invoke, lambda summary: self.succeeded(summary=summary))

    def _invoke(self) -> str:
        name = self.configuration["FunctionName"]
        account = self.pipeline.account_id
        arn = (
            name
            if name.startswith("arn:")
            else arn_of("lambda", f"function:{name}", region=self.region, account=account)
        )
        caller = self.site.permissions.principal(self.credentials().access_key_id)
        try:
            self.site.permissions.require(caller, "lambda:InvokeFunction", arn, region=self.region)
        except AwsError as error:
            raise JobFailed(
                f"The provided role does not have sufficient permissions to access Lambda: {error.message}",
                "PermissionError",
            ) from error
        try:
            answer = self.neighbours.functions.invoke(arn, self._event(name, account))
        except AwsError as error:
            raise JobFailed(error.message, "ConfigurationError") from error
        except FunctionUnavailable as error:
            raise JobFailed(str(error), "ConfigurationError") from error
        except FunctionError as error:
            raise JobFailed(f"The function {name} failed: {error}", CHECK_FAILED) from error
        except Exception as error:
            # A registered callable fails with an exception of its own.
            raise JobFailed(f"The function {name} failed: {type(error).__name__}: {error}", CHECK_FAILED) from error
        return f"The function {name} answered {json.dumps(answer, default=str)[:1000]}"

    def _event(self, name: str, account: str) -> dict[str, object]:
        configuration = {"FunctionName": name}
        if "UserParameters" in self.configuration:
            configuration["UserParameters"] = self.configuration["UserParameters"]
        artifacts = [
            {
                "name": artifact_name,
                "revision": artifact.revision_id or None,
                "location": {
                    "type": "S3",
                    "s3Location": {"bucketName": artifact.bucket, "objectKey": artifact.key},
                },
            }
            for artifact_name, artifact in self.run.inputs.items()
        ]
        data = {"actionConfiguration": {"configuration": configuration}, "inputArtifacts": artifacts}
        return {"CodePipeline.job": {"id": self.run.id, "accountId": account, "data": data}}
