"""The actions that a bucket policy may name, what they act on, and the condition keys that go with them.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html (October 2026).
"""

from __future__ import annotations

from pushproof.engines.policy.actions.model import words

BUCKET = words(
    """
    AllowVendedLogDeliveryForResource CreateBucket CreateBucketMetadataTableConfiguration DeleteBucket
    DeleteBucketMetadataTableConfiguration DeleteBucketPolicy DeleteBucketWebsite GetAccelerateConfiguration
    GetAnalyticsConfiguration GetBucketAbac GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging
    GetBucketMetadataTableConfiguration GetBucketNotification GetBucketObjectLockConfiguration
    GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment
    GetBucketTagging GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration
    GetInventoryConfiguration GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration ListBucket
    ListBucketMultipartUploads ListBucketVersions ListTagsForResource PauseReplication PutAccelerateConfiguration
    PutAnalyticsConfiguration PutBucketAbac PutBucketAcl PutBucketCORS PutBucketLogging PutBucketNotification
    PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock
    PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite PutEncryptionConfiguration
    PutIntelligentTieringConfiguration PutInventoryConfiguration PutLifecycleConfiguration PutMetricsConfiguration
    PutReplicationConfiguration TagResource UntagResource UpdateBucketMetadataAnnotationTableConfiguration
    UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration
    """
)
OBJECT = words(
    """
    AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectAnnotation DeleteObjectTagging
    DeleteObjectVersion DeleteObjectVersionAnnotation DeleteObjectVersionTagging GetObject GetObjectAcl
    GetObjectAnnotation GetObjectAttributes GetObjectLegalHold GetObjectRetention GetObjectTagging GetObjectTorrent
    GetObjectVersion GetObjectVersionAcl GetObjectVersionAnnotation GetObjectVersionAnnotationForReplication
    GetObjectVersionAttributes GetObjectVersionForReplication GetObjectVersionTagging GetObjectVersionTorrent
    InitiateReplication ListMultipartUploadParts ListObjectAnnotations ListObjectVersionAnnotations
    ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl PutObjectAnnotation PutObjectLegalHold PutObjectRetention
    PutObjectTagging PutObjectVersionAcl PutObjectVersionAnnotation PutObjectVersionTagging ReplicateDelete
    ReplicateObject ReplicateObjectAnnotation ReplicateTags RestoreObject UpdateObjectEncryption
    """
)

_GRANTING = "BypassGovernanceRetention CreateBucket PutBucketAcl PutObject PutObjectAcl PutObjectVersionAcl"
_LISTING = "ListBucket ListBucketVersions"
_ENCRYPTING = "BypassGovernanceRetention PutObject ReplicateObject UpdateObjectEncryption"
_TAGGING = "BypassGovernanceRetention PutObject PutObjectTagging PutObjectVersionTagging"
_RETAINING = "PutObject PutObjectRetention"

KEYS: dict[str, frozenset[str]] = {
    key: words(actions)
    for key, actions in {
        "s3:prefix": _LISTING,
        "s3:delimiter": _LISTING,
        "s3:max-keys": _LISTING,
        "s3:x-amz-acl": _GRANTING,
        "s3:x-amz-grant-full-control": _GRANTING,
        "s3:x-amz-grant-read": _GRANTING,
        "s3:x-amz-grant-read-acp": _GRANTING,
        "s3:x-amz-grant-write": _GRANTING,
        "s3:x-amz-grant-write-acp": _GRANTING,
        "s3:x-amz-server-side-encryption": _ENCRYPTING,
        "s3:x-amz-server-side-encryption-aws-kms-key-id": _ENCRYPTING,
        "s3:requestobjecttagkeys": _TAGGING,
        "s3:object-lock-mode": _RETAINING,
        "s3:object-lock-remaining-retention-days": _RETAINING,
        "s3:object-lock-retain-until-date": _RETAINING,
        "s3:object-lock-legal-hold": "PutObject PutObjectLegalHold",
        "s3:locationconstraint": "CreateBucket",
    }.items()
}
"""Condition keys of S3, lower case, that go with a few actions only. Those that are not here go with any."""
