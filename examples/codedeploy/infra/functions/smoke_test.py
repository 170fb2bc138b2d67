"""Smoke test of a replacement: a lifecycle hook of CodeDeploy that asks it through the test listener, and reports.

https://docs.aws.amazon.com/codedeploy/latest/userguide/tutorial-ecs-with-hooks-create-hooks.html
"""

import os
import urllib.error
import urllib.request

import boto3


def handler(event, _context):
    url = os.environ["TEST_URL"]
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError as error:
        print(f"{url} does not answer: {error}")
        status = 0
    print(f"{url} is answered with {status}")
    boto3.client("codedeploy").put_lifecycle_event_hook_execution_status(
        deploymentId=event["DeploymentId"],
        lifecycleEventHookExecutionId=event["LifecycleEventHookExecutionId"],
        status="Succeeded" if status == 200 else "Failed",
    )
