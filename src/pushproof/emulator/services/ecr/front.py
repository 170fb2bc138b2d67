"""The registry behind ECR: the OCI distribution endpoints under `/v2/` on the gateway's port.

Clients log in as AWS with a token of GetAuthorizationToken. A push or a pull is authorised as the API operations that ECR
documents for it, for the principal that requested the token. Layers are streamed, in and out. ECR redirects the download of layers
to S3; here they come from the registry itself.

Sources: https://github.com/opencontainers/distribution-spec/blob/main/spec.md,
https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html,
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
"""

from __future__ import annotations

import contextlib
import json
import platform
import re
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from moto.core.request import Request
from werkzeug.wrappers import Response

from pushproof.emulator.kernel.errors import AwsError
from pushproof.emulator.kernel.images import ResolvedImage, ecr_host, parse_reference
from pushproof.emulator.kernel.logins import login_of
from pushproof.emulator.kernel.paging import number_of
from pushproof.emulator.kernel.tasks import PullError
from pushproof.emulator.registry.errors import RegistryError, from_aws
from pushproof.emulator.services.ecr import manifests
from pushproof.emulator.services.ecr.downloads import PREFIX
from pushproof.emulator.services.ecr.layersize import unpacks_beyond
from pushproof.emulator.wire.admission import Visit
from pushproof.emulator.wire.blobresponse import blob_response

if TYPE_CHECKING:
    from pushproof.emulator.kernel.site import Site
    from pushproof.emulator.services.ecr.model import Image, Repository, Scope, Upload
    from pushproof.emulator.services.ecr.service import EcrService
    from pushproof.emulator.services.ecr.tokens import Token
    from pushproof.emulator.wire.admission import Admission

_CHUNK = 1024 * 1024
_ROUTES = (
    ("uploads", re.compile(r"/v2/(?P<name>.+)/blobs/uploads/?(?P<upload>[^/]*)")),
    ("blob", re.compile(r"/v2/(?P<name>.+)/blobs/(?P<digest>[^/]+)")),
    ("manifest", re.compile(r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)")),
    ("tags", re.compile(r"/v2/(?P<name>.+)/tags/list")),
    ("referrers", re.compile(r"/v2/(?P<name>.+)/referrers/(?P<digest>[^/]+)")),
)
_DIGEST_HEADER = "Docker-Content-Digest"
# A client whose connection broke continues at once; the request that broke may still have received bytes to write.
_EARLIER_PART = 5.0


class Registry:
    """A front of the gateway, and the source of images for other parts of the plane."""

    name = "registry"

    def __init__(self, site: Site, admission: Admission, ecr: EcrService) -> None:
        self._site = site
        self._admission = admission
        self._ecr = ecr
        self._store = ecr.store
        self._measured: set[str] = set()
        self._parts = threading.Condition()

    # Calls from other parts of the plane.

    def resolve(self, reference: str, credentials: tuple[str, str] | None = None) -> ResolvedImage | None:
        """Return the image of a reference; None if it does not refer to this world's registry.

        With `credentials` (user and password of a login) the request is authorised as a pull, and counts as one.
        Raises PullError, worded as ECS words it.
        """
        parsed = parse_reference(reference)
        host = parsed.host or ""
        scope = ecr_host(host)
        port = str(self._site.endpoint.port) if self._site.endpoint.port else ""
        if scope is None and host not in {self._site.endpoint.host, f"localhost:{port}", f"127.0.0.1:{port}"}:
            return None
        try:
            with self._site.loop.lock:
                repository = self._named(scope, parsed.name)
                image = self._store.find_image(repository, digest=parsed.digest, tag=parsed.tag)
            if image.status != "ACTIVE":
                raise RegistryError(404, "MANIFEST_UNKNOWN", "the image is archived")
            if credentials is not None:
                token = self._token(*credentials)
                for operation in ("BatchGetImage", "GetDownloadUrlForLayer"):
                    with self._visit(token, operation, repository.name):
                        self._store.pulled(image)
        except RegistryError as error:
            trouble = "not found" if error.status == 404 else f"unexpected status: {error.status} {error.message}"
            raise PullError(_retried(reference, trouble)) from error
        except AwsError as error:
            raise PullError(_retried(reference, "not found")) from error
        chosen = self._for_platform(repository, image)
        self._check_layers(reference, chosen)
        config = json.loads(self._store.blob_path(chosen.config.digest).read_bytes()) if chosen.config else {}
        suffix = f":{parsed.tag}" if parsed.tag and not parsed.digest else f"@{image.digest}"
        labels = (config.get("config") or {}).get("Labels") or {}
        return ResolvedImage(
            reference,
            f"{self._site.endpoint.host}/{repository.name}{suffix}",
            repository.name,
            image.digest,
            json.loads(chosen.content),
            config,
            {str(key): str(value) for key, value in labels.items()},
        )

    def _check_layers(self, reference: str, manifest: manifests.Manifest) -> None:
        """Raise PullError for a layer that would unpack to more than the world's setting. Each layer is measured once."""
        most = self._site.settings.limits.layer_bytes
        for layer in manifest.layers:
            if layer.digest in self._measured:
                continue
            if unpacks_beyond(self._store.blob_path(layer.digest), most):
                words = f"layer {layer.digest} unpacks to more than {most} bytes (WorldSettings.limits.layer_bytes)"
                raise PullError(f"failed to pull {reference}: {words}")
            self._measured.add(layer.digest)

    def _named(self, scope: Scope | None, name: str) -> Repository:
        if scope is not None:
            return self._store.repository(scope, name)
        home = (self._site.account_id, self._site.region)
        for other in (home, *self._store.repositories):
            if name in self._store.of(other):
                return self._store.repository(other, name)
        return self._store.repository(home, name)

    def _for_platform(self, repository: Repository, image: Image) -> manifests.Manifest:
        if not image.manifest.members:
            return image.manifest
        architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        described = json.loads(image.manifest.content)["manifests"]
        fitting = [
            manifest["digest"]
            for manifest in described
            if (manifest.get("platform") or {}).get("architecture") == architecture
        ]
        return repository.images[(fitting or list(image.manifest.members))[0]].manifest

    # The front.

    def accepts(self, request: Request) -> bool:
        if request.path.startswith(PREFIX):
            return True
        # API Gateway has paths under /v2/ too; its calls are signed.
        signed = request.headers.get("Authorization", "").startswith("AWS4-") or "X-Amz-Signature" in request.args
        return (request.path == "/v2" or request.path.startswith("/v2/")) and not signed

    def handle(self, request: Request) -> Response:
        try:
            response = self._route(request)
        except AwsError as error:
            response = from_aws(error).response()
        except RegistryError as error:
            response = error.response()
        # A client that is still sending would see its connection reset instead of the answer.
        with contextlib.suppress(Exception):
            while request.stream.read(_CHUNK):
                pass
        response.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        return response

    def _route(self, request: Request) -> Response:
        if request.path.startswith(PREFIX):
            return self._download(request)
        token = self._login(request)
        if request.path in ("/v2", "/v2/"):
            return Response(b"{}", content_type="application/json")
        if request.path == "/v2/_catalog":
            return self._catalog(request, token)
        for kind, pattern in _ROUTES:
            match = pattern.fullmatch(request.path)
            if match is not None:
                handler: Callable[..., Response] = getattr(self, f"_{kind}")
                return handler(request, token, **match.groupdict())
        raise RegistryError(404, "NAME_INVALID", f"{request.path} is no path of a registry")

    # Identity and permission.

    def _login(self, request: Request) -> Token:
        login = login_of(request)
        if login is None:
            challenge = f'Basic realm="{self._site.endpoint.url}/",service="ecr.amazonaws.com"'
            raise RegistryError(401, "UNAUTHORIZED", "Not Authorized", WWW_Authenticate=challenge)
        token = self._token(*login)
        addressed = ecr_host(request.host)
        if addressed is not None and addressed != token.scope:
            raise RegistryError(
                403,
                "DENIED",
                f"The token is for the registry of {' in '.join(token.scope)}, not {' in '.join(addressed)}",
            )
        return token

    def _token(self, user: str, password: str) -> Token:
        token = self._ecr.tokens.find(password) if user == "AWS" else None
        if token is None:
            challenge = f'Basic realm="{self._site.endpoint.url}/",service="ecr.amazonaws.com"'
            raise RegistryError(401, "UNAUTHORIZED", "Not Authorized", WWW_Authenticate=challenge)
        if self._site.clock.now() > token.expires_at:
            raise RegistryError(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
        return token

    @contextlib.contextmanager
    def _visit(
        self, token: Token, operation: str, name: str, **parameters: object
    ) -> Iterator[tuple[Repository, Visit]]:
        """Run the body of the `with` as an operation of ECR's API: admitted, logged and observed like a call.

        Yields the repository, and the visit, whose `response` is what the API would have answered.
        """
        request = {"registryId": token.scope[0], "repositoryName": name, **parameters}
        with self._admitted(token, operation, request) as visit:
            with self._site.loop.lock:
                repository = self._store.repository(token.scope, name)
            yield repository, visit

    @contextlib.contextmanager
    def _admitted(self, token: Token, operation: str, parameters: dict[str, object]) -> Iterator[Visit]:
        try:
            with self._admission.visit(token.principal, "ecr", operation, token.scope[1], parameters) as visit:
                yield visit
        except AwsError as error:
            if error.code.startswith("AccessDenied"):
                raise RegistryError(403, "DENIED", error.message) from error
            raise

    # Manifests.

    def _manifest(self, request: Request, token: Token, name: str, reference: str) -> Response:
        if request.method in ("GET", "HEAD"):
            return self._get_manifest(request, token, name, reference)
        if request.method == "PUT":
            return self._put_manifest(request, token, name, reference)
        raise _unsupported(request)

    def _get_manifest(self, request: Request, token: Token, name: str, reference: str) -> Response:
        digest, tag = (reference, None) if ":" in reference else (None, reference)
        identity = {"imageDigest": digest} if digest else {"imageTag": tag}
        with self._visit(token, "BatchGetImage", name, imageIds=[identity]) as (repository, _), self._site.loop.lock:
            try:
                image = self._store.find_image(repository, digest=digest, tag=tag)
            except AwsError:
                raise RegistryError(404, "MANIFEST_UNKNOWN", "Requested image not found") from None
            if image.status != "ACTIVE":
                raise RegistryError(
                    404, "MANIFEST_UNKNOWN", "Requested image is archived; restore it before pulling it"
                )
            if request.method == "GET":
                self._store.pulled(image)
        response = Response(image.manifest.content, content_type=image.manifest.media_type)
        response.headers[_DIGEST_HEADER] = image.digest
        return response

    def _put_manifest(self, request: Request, token: Token, name: str, reference: str) -> Response:
        content = request.stream.read(manifests.LARGEST + 1)
        try:
            manifest = manifests.parse(content, request.content_type)
        except manifests.ManifestError as error:
            raise RegistryError(400, "MANIFEST_INVALID", str(error)) from None
        tag = None if ":" in reference else reference
        if tag is None and reference != manifest.digest:
            raise RegistryError(400, "DIGEST_INVALID", f"The manifest's digest is {manifest.digest}, not {reference}")
        parameters = {"imageManifest": content.decode(), "imageManifestMediaType": manifest.media_type}
        parameters |= {"imageTag": tag} if tag else {"imageDigest": reference}
        with self._visit(token, "PutImage", name, **parameters) as (repository, visit), self._site.loop.lock:
            try:
                visit.response = self._ecr.accepted(repository, manifest, tag)
            except AwsError as error:
                if error.code == "LayersNotFoundException":
                    raise RegistryError(400, "MANIFEST_BLOB_UNKNOWN", error.message) from None
                if error.code != "ImageAlreadyExistsException":
                    raise
        response = Response(status=201)
        response.headers["Location"] = f"/v2/{name}/manifests/{manifest.digest}"
        response.headers[_DIGEST_HEADER] = manifest.digest
        if manifest.subject:
            response.headers["OCI-Subject"] = manifest.subject
        return response

    def _tags(self, request: Request, token: Token, name: str) -> Response:
        if request.method != "GET":
            raise _unsupported(request)
        with self._visit(token, "ListImages", name) as (repository, _), self._site.loop.lock:
            tags = sorted(repository.tags)
        return self._listing(request, f"/v2/{name}/tags/list", "tags", tags, {"name": name})

    def _catalog(self, request: Request, token: Token) -> Response:
        with self._admitted(token, "DescribeRepositories", {}), self._site.loop.lock:
            names = sorted(self._store.of(token.scope))
        return self._listing(request, "/v2/_catalog", "repositories", names, {})

    def _listing(self, request: Request, path: str, key: str, values: list[str], more: dict[str, str]) -> Response:
        last, text = request.args.get("last"), request.args.get("n")
        count = 1000 if text is None else number_of(text)
        if count is None:
            raise RegistryError(400, "PAGINATION_NUMBER_INVALID", f"n is {text!r}; expected a number")
        values = [value for value in values if last is None or value > last]
        chosen = values[:count]
        response = Response(json.dumps({**more, key: chosen}), content_type="application/json")
        if chosen and len(values) > count:
            response.headers["Link"] = f'<{path}?{urlencode({"n": count, "last": chosen[-1]})}>; rel="next"'
        return response

    def _referrers(self, request: Request, token: Token, name: str, digest: str) -> Response:
        if request.method != "GET":
            raise _unsupported(request)
        subject = {"imageDigest": digest}
        with (
            self._visit(token, "ListImageReferrers", name, subjectId=subject) as (repository, _),
            self._site.loop.lock,
        ):
            referrers = self._ecr.referrers(repository, digest)
        artifact_type = request.args.get("artifactType")
        chosen = [referrer for referrer in referrers if artifact_type in (None, referrer.get("artifactType"))]
        index = {"schemaVersion": 2, "mediaType": manifests.OCI_INDEX, "manifests": chosen}
        response = Response(json.dumps(index), content_type=manifests.OCI_INDEX)
        if artifact_type is not None:
            response.headers["OCI-Filters-Applied"] = "artifactType"
        return response

    # Layers.

    def _blob(self, request: Request, token: Token, name: str, digest: str) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise _unsupported(request)
        operation = "GetDownloadUrlForLayer" if request.method == "GET" else "BatchCheckLayerAvailability"
        parameters = {"layerDigest": digest} if request.method == "GET" else {"layerDigests": [digest]}
        with self._visit(token, operation, name, **parameters) as (repository, _), self._site.loop.lock:
            size = self._store.layer_size(repository, digest)
        return blob_response(request, self._store.blob_path(digest), digest, size)

    def _download(self, request: Request) -> Response:
        digest = request.path.rsplit("/", 1)[-1]
        if not self._ecr.downloads.permits(request.args.get("token", ""), digest):
            return Response("AccessDenied: the URL is not valid, or no longer\n", status=403)
        path = self._store.blob_path(digest)
        return blob_response(request, path, digest, path.stat().st_size)

    def _uploads(self, request: Request, token: Token, name: str, upload: str) -> Response:
        if request.method == "POST" and not upload:
            return self._begin(request, token, name)
        if not upload or request.method not in ("GET", "PATCH", "PUT", "DELETE"):
            raise _unsupported(request)
        operation = "CompleteLayerUpload" if request.method == "PUT" else "UploadLayerPart"
        with self._visit(token, operation, name, uploadId=upload) as (repository, visit):
            with self._site.loop.lock:
                started = self._store.upload(repository, upload)
            if request.method == "GET":
                return _progress(204, name, started)
            if request.method == "DELETE":
                with self._site.loop.lock:
                    self._store.cancel_upload(started)
                return Response(status=204)
            self._receive(request, started)
            if request.method == "PATCH":
                return _progress(202, name, started)
            return self._complete(repository, started, request.args.get("digest", ""), visit)

    def _begin(self, request: Request, token: Token, name: str) -> Response:
        with self._visit(token, "InitiateLayerUpload", name) as (repository, visit):
            mount, source = request.args.get("mount"), request.args.get("from")
            if mount and source and self._mounted(token, repository, mount, source):
                return _created(name, mount)
            with self._site.loop.lock:
                upload = self._store.begin_upload(repository)
            visit.response = {"uploadId": upload.id}
        if "digest" not in request.args:
            return _progress(202, name, upload)
        with self._visit(token, "CompleteLayerUpload", name, uploadId=upload.id) as (repository, visit):
            self._receive(request, upload)
            return self._complete(repository, upload, request.args["digest"], visit)

    def _mounted(self, token: Token, repository: Repository, digest: str, source: str) -> bool:
        """Mount a layer from another repository, if the account allows it and the caller may read it there.

        Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html
        """
        if not self._ecr.mounts_blobs(token.scope):
            return False
        try:
            with (
                self._visit(token, "GetDownloadUrlForLayer", source, layerDigest=digest) as (other, _),
                self._site.loop.lock,
            ):
                repository.layers[digest] = self._store.layer_size(other, digest)
        except (AwsError, RegistryError):
            return False
        return True

    def _receive(self, request: Request, upload: Upload) -> None:
        """Append the body, chunk by chunk, after the part before it. Raises RegistryError if it is not the next part."""
        begins = request.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
        with self._parts:
            free = self._parts.wait_for(lambda: not upload.busy, _EARLIER_PART)
            if not free or (begins.isdecimal() and int(begins) != upload.size):
                raise RegistryError(
                    416,
                    "BLOB_UPLOAD_INVALID",
                    f"byte {upload.size} comes next, and one request at a time",
                    Range=f"0-{max(0, upload.size - 1)}",
                    Location=f"/v2/{upload.repository}/blobs/uploads/{upload.id}",
                )
            upload.busy = True
        try:
            self._store.write(upload, _chunks(request))
        except OSError as error:
            raise RegistryError(400, "BLOB_UPLOAD_INVALID", f"the upload broke off: {error}") from None
        finally:
            with self._parts:
                upload.busy = False
                self._parts.notify_all()

    def _complete(self, repository: Repository, upload: Upload, digest: str, visit: Visit) -> Response:
        if not manifests.is_digest(digest):
            raise RegistryError(
                400, "DIGEST_INVALID", f"{digest!r} is no digest: expected sha256:<64 hexadecimal digits>"
            )
        with self._site.loop.lock:
            self._store.complete_upload(repository, upload, digest)
        visit.response = {
            "registryId": repository.registry,
            "repositoryName": repository.name,
            "uploadId": upload.id,
            "layerDigest": digest,
        }
        return _created(repository.name, digest)


def _chunks(request: Request) -> Iterator[bytes]:
    while chunk := request.stream.read(_CHUNK):
        yield chunk


def _created(name: str, digest: str) -> Response:
    response = Response(status=201)
    response.headers["Location"] = f"/v2/{name}/blobs/{digest}"
    response.headers[_DIGEST_HEADER] = digest
    return response


def _progress(status: int, name: str, upload: Upload) -> Response:
    response = Response(status=status)
    response.headers["Location"] = f"/v2/{name}/blobs/uploads/{upload.id}"
    response.headers["Range"] = f"0-{max(0, upload.size - 1)}"
    response.headers["Docker-Upload-UUID"] = upload.id
    return response


def _unsupported(request: Request) -> RegistryError:
    message = f"{request.method} is not supported here. Delete images with ecr:BatchDeleteImage."
    return RegistryError(405, "UNSUPPORTED", message)


def _retried(reference: str, trouble: str) -> str:
    """Return ECS's words for a pull that failed.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
    """
    return f"pull image manifest has been retried 5 time(s): failed to resolve ref {reference}: {reference}: {trouble}"
