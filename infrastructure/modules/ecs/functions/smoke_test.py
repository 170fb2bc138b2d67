"""Smoke test of a new revision: a lifecycle hook of ECS that asks it through the test listener.

ECS calls it with the stage and the revision; it answers {"hookStatus": "SUCCEEDED"} or {"hookStatus": "FAILED"}.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html
"""

import os
import ssl
import urllib.error
import urllib.request


def handler(event, _context):
    url = os.environ["TEST_URL"]
    # The certificate is for the application's name, and this is the load balancer's.
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(url, timeout=10, context=unverified) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError as error:
        print(f"{event['lifecycleStage']}: {url} does not answer: {error}")
        return {"hookStatus": "FAILED"}
    print(f"{event['lifecycleStage']}: {url} is answered with {status}")
    return {"hookStatus": "SUCCEEDED" if status == 200 else "FAILED"}
