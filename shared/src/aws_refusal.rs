//! What AWS says when our own rights are missing: the same in all its services (AWS, *Common errors*), by code and status.

use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

/// The role may not do it, or a policy of a key, a boundary or the organization denies it.
const OF_RIGHTS: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "KMSAccessDeniedException",
    "NotAuthorized",
    "NotAuthorizedException",
    "OptInRequired",
    "SubscriptionRequiredException",
    "UnauthorizedException",
    "UnauthorizedOperation",
];

/// The credentials are expired, unknown, or do not sign as they should.
const OF_CREDENTIALS: &[&str] = &[
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignature",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClient",
    "UnrecognizedClientException",
];

/// Why AWS does not let us do a call that is right, while it is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A right is missing.
    Right,
    /// The credentials are not taken: in words, with what AWS says and what to do.
    Credentials(String),
}

impl Refusal {
    /// `None`: it was refused or failed for another reason.
    pub(crate) fn of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<Self> {
        let service = error.as_service_error()?;
        let code = service.code().unwrap_or_default();
        if OF_CREDENTIALS.contains(&code) {
            let said = service.message().unwrap_or_default();
            return Some(Self::Credentials(format!(
                "AWS does not take the function's credentials ({code}: {said}): renew them, and see that its clock is right"
            )));
        }
        // A code that is new to us says as much by its status (RFC 9110 §15.5.2, §15.5.4).
        let status = error.raw_response().map(|answer| answer.status().as_u16());
        (OF_RIGHTS.contains(&code) || matches!(status, Some(401 | 403))).then_some(Self::Right)
    }
}
