"""A world in place of AWS, in a process of its own: it outlives the runs that are killed.

Prints one line of JSON with its endpoint, then serves until its standard input ends.
`PUT /_rehearsal/faults?rate=0.1&seed=7` makes every tenth call fail, by dice of that seed; `GET /_rehearsal/calls` returns the
number of calls that deployers have made.
"""

from __future__ import annotations

import hashlib
import json
import random
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.context import RequestContext
from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.settings import WorldSettings
from pushproof.emulator.kernel.site import Ground, Images
from pushproof.emulator.runtime.equipment import Equipment, scripted_equipment
from pushproof.emulator.runtime.scripted.builder import ScriptedBuilder, ScriptedCommand, ScriptedContainer
from pushproof.emulator.world import World

ACCOUNT, REGION = "210987654321", "eu-west-1"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}


# What services say that do not say ThrottlingException: S3's clients know no 429, and a HEAD has no body to tell the code.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
THROTTLING = {
    "s3": ("SlowDown", "Please reduce your request rate.", 503),
    "ec2": ("RequestLimitExceeded", "Request limit exceeded.", 503),
}


class Faults:
    """A front that drops connections, before or after the call was carried out, and a fault that throttles and fails calls."""

    name = "rehearsal"
    _PATHS, _PASSED = ("/_rehearsal/faults", "/_rehearsal/calls"), "pushproof.rehearsal.passed"

    def __init__(self, world: World) -> None:
        self.rate, self.calls, self._world, self._dice = 0.0, 0, world, random.Random(20261123)
        self.counts = {"throttled": 0, "failed": 0, "dropped": 0, "carried out and dropped": 0}
        world.gateway.faults.append(self.interfere)

    def accepts(self, request: Request) -> bool:
        if request.path in self._PATHS:
            return True
        if "werkzeug.socket" not in request.environ or self._PASSED in request.environ:
            return False
        if not self._ours(request.headers.get("Authorization", "")):
            return False
        self.calls += 1
        return self._dice.random() < self.rate / 2

    def handle(self, request: Request) -> Response:
        if request.path == "/_rehearsal/calls":
            return Response(str(self.calls), content_type="application/json")
        if request.path == "/_rehearsal/faults":
            if request.method == "PUT":
                self.rate = float(request.args["rate"])
                if "seed" in request.args:
                    self._dice.seed(int(request.args["seed"]))
                    self.counts = dict.fromkeys(self.counts, 0)
            return Response(json.dumps(self.counts), content_type="application/json")
        after = self._dice.random() < 0.5
        if after:
            request.environ[self._PASSED] = True
            self._world.gateway.handle(request)
        self.counts["carried out and dropped" if after else "dropped"] += 1
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return Response("")

    def interfere(self, context: RequestContext) -> None:
        authorization = str(context.headers.get("authorization", ""))
        if not self._ours(authorization) or self._dice.random() >= self.rate / 2:
            return
        if self._dice.random() < 0.5:
            self.counts["throttled"] += 1
            raise AwsError(*THROTTLING.get(context.service, ("ThrottlingException", "Rate exceeded", 429)))
        self.counts["failed"] += 1
        raise AwsError("InternalFailure", "We encountered an internal error. Please try again.", 500)

    @staticmethod
    def _ours(authorization: str) -> bool:
        # The deployer's session only: services at work with their own roles have AWS's own network.
        return "Credential=ASIA" in authorization


def furnished(world: World) -> Faults:
    """The account as its owner prepared it: an alias, a marker, and a role for deployers."""
    iam: Any = world.administrator("iam")
    iam.create_account_alias(AccountAlias="rehearsal-sandbox")
    world.administrator("ssm").put_parameter(Name="/pushproof/sandbox", Type="String", Value="sandbox")
    iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=json.dumps(TRUST), MaxSessionDuration=43200)
    iam.attach_role_policy(RoleName="deployer", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    faults = Faults(world)
    world.gateway.fronts.insert(0, faults)
    return faults


def builder(world: Callable[[], World]) -> ScriptedBuilder:
    """Builds that succeed: the image is in the repository, and imagedefinitions.json names it."""

    def push(container: ScriptedContainer) -> None:
        ecr: Any = world().administrator("ecr")
        repository = container.variables["ECR_REPOSITORY_NAME"]
        blob = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Labels": {}}}).encode()
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        ecr.upload_layer_part(
            repositoryName=repository, uploadId=upload, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob
        )
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
        media = "application/vnd.docker.distribution.manifest.v2+json"
        config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(blob), "digest": digest}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": media, "config": config, "layers": []})
        ecr.put_image(
            repositoryName=repository, imageManifest=manifest, imageManifestMediaType=media, imageTag="dev-rehearsal"
        )

    image = "$ECR_REGISTRY/$ECR_REPOSITORY_NAME:dev-rehearsal"
    definitions = f'[{{"name":"$CONTAINER_NAME","imageUri":"{image}"}}]'
    return ScriptedBuilder([ScriptedCommand("imageUri", writes={"imagedefinitions.json": definitions}, effect=push)])


def main() -> None:
    speed = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    settings = WorldSettings(account_id=ACCOUNT, region=REGION, speed=speed, enforce_iam=True)

    def equip(ground: Ground, images: Images) -> Equipment:
        return replace(scripted_equipment(ground, images), builds=builder(lambda: world))

    with World(settings, equip=equip) as world:
        world.serve()
        furnished(world)
        owner = world.keys.administrator
        keys = (owner.access_key_id, owner.secret_access_key)
        print(json.dumps({"endpoint": world.endpoint, "account": ACCOUNT, "region": REGION, "keys": keys}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
